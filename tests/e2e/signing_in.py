"""People and clients that sign in, over real sockets: a browser of a few lines, the device grant, a Claude Code."""

from __future__ import annotations

import http.cookiejar
import json
import os
import subprocess
import time
import urllib.parse
import urllib.request
from pathlib import Path
from typing import Any

from tests.fakes.server import Seen
from tests.fakes.vendor import Vendor
from tests.harness import GatewayProcess

EMAIL, PASSWORD = "ann@example.org", "CANARY-correct-horse-battery"
DEVICE_GRANT = "urn:ietf:params:oauth:grant-type:device_code"
MODEL = "claude-sonnet-5-5"


def person(gateway: GatewayProcess, email: str = EMAIL, **limits: Any) -> None:
    body = {"email": email, "password": PASSWORD, **limits}
    answer = gateway.admin("POST", "/api/people", body)
    assert answer.status == 200, answer


def change(gateway: GatewayProcess, email: str = EMAIL, **fields: Any) -> None:
    answer = gateway.admin("PATCH", f"/api/people/{email}", fields)
    assert answer.status == 200, answer


def sign_ins(gateway: GatewayProcess, email: str = EMAIL) -> list[Any]:
    found: list[Any] = gateway.admin("GET", f"/api/people/{email}").json()["sign_ins"]
    return found


class Human:
    """Somebody at a browser that keeps cookies and sends forms."""

    def __init__(self, url: str) -> None:
        self.url = url
        self._jar = http.cookiejar.CookieJar()
        self._opener = urllib.request.build_opener(urllib.request.HTTPCookieProcessor(self._jar))

    def get(self, path: str) -> str:
        return self._open(urllib.request.Request(self.url + path))

    def post(self, path: str, **fields: str) -> str:
        token = next((cookie.value or "" for cookie in self._jar if cookie.name == "csrftoken"), "")
        data = urllib.parse.urlencode({"csrfmiddlewaretoken": token, **fields}).encode()
        headers = {"origin": self.url, "referer": self.url + path}
        return self._open(urllib.request.Request(self.url + path, data, headers))

    def log_in(self, email: str = EMAIL) -> None:
        self.get("/login/")
        self.post("/login/?next=/device", username=email, password=PASSWORD)

    def approve(self, code: str) -> None:
        assert code in self.get(f"/device?user_code={code}")
        assert "You are signed in there" in self.post("/device", user_code=code)

    def _open(self, request: urllib.request.Request) -> str:
        with self._opener.open(request, timeout=20) as answer:
            return str(answer.read().decode())


def form(url: str, **fields: str) -> Any:
    """Post a form as a client does, and return the JSON."""
    data = urllib.parse.urlencode(fields).encode()
    request = urllib.request.Request(url, data, {"user-agent": "claude-code/2.1.332"})
    with urllib.request.urlopen(request, timeout=20) as answer:
        return json.loads(answer.read())


def granted(gateway: GatewayProcess, email: str = EMAIL) -> dict[str, Any]:
    """Sign somebody in by the device grant; return the pair."""
    begun = form(f"{gateway.url}/oauth/device_authorization", surface="claude_code")
    human = Human(gateway.url)
    human.log_in(email)
    human.approve(begun["user_code"])
    pair: dict[str, Any] = form(
        f"{gateway.url}/oauth/token", grant_type=DEVICE_GRANT, device_code=begun["device_code"]
    )
    return pair


class Client:
    """A Claude Code in a home of its own."""

    def __init__(self, program: Path, home: Path, gateway: GatewayProcess) -> None:
        self.program, self.home, self.gateway = program, home, gateway
        self._files = home / ".claude"
        self._files.mkdir(parents=True)
        wanted = {"forceLoginMethod": "gateway", "forceLoginGatewayUrl": gateway.url}
        (self._files / "settings.json").write_text(json.dumps(wanted))

    @property
    def environment(self) -> dict[str, str]:
        return {
            "PATH": os.environ["PATH"], "HOME": str(self.home), "BROWSER": "true", "DISABLE_AUTOUPDATER": "1",
            "ANTHROPIC_MODEL": MODEL, "DISABLE_ERROR_REPORTING": "1", "TERM": "xterm-256color",
        }  # fmt: skip

    def keep(self, pair: dict[str, Any], email: str = EMAIL) -> None:
        """Write a sign-in down as the client itself does."""
        url = self.gateway.url
        kept = {
            "url": url,
            "jwt": pair["access_token"],
            "expiresAt": int((time.time() + pair["expires_in"]) * 1000),
            "tokenEndpoint": f"{url}/oauth/token",
            "revocationEndpoint": f"{url}/oauth/revoke",
            "idpRefreshToken": pair["refresh_token"],
            "email": email,
            "vouchedAtLogin": True,
        }
        self._write({"gatewayTrust": {"127.0.0.1": "http-loopback"}, "enterpriseGateway": kept})

    @property
    def kept(self) -> dict[str, Any]:
        found: dict[str, Any] = json.loads(self._credentials.read_text())["enterpriseGateway"]
        return found

    def age(self) -> None:
        """Let the client think that its bearer is old."""
        document = json.loads(self._credentials.read_text())
        document["enterpriseGateway"]["expiresAt"] = 1000
        self._write(document)

    @property
    def _credentials(self) -> Path:
        return self._files / ".credentials.json"

    def _write(self, document: Any) -> None:
        self._credentials.write_text(json.dumps(document))
        self._credentials.chmod(0o600)

    def run(self, *arguments: str, **more: str) -> tuple[int, str]:
        """Return exit status and everything that it says."""
        done = subprocess.run(
            [str(self.program), *arguments], cwd=self.home, env={**self.environment, **more},
            stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=90, check=False,
        )  # fmt: skip
        return done.returncode, done.stdout + done.stderr

    def skip_welcome(self) -> None:
        """Let a terminal begin at its prompt."""
        trusted = {"hasTrustDialogAccepted": True}
        known = {"hasCompletedOnboarding": True, "theme": "dark", "projects": {str(self.home): trusted}}
        (self.home / ".claude.json").write_text(json.dumps(known))

    def begin_login(self) -> subprocess.Popen[str]:
        """Start the sign-in without a terminal: JSON lines both ways."""
        return subprocess.Popen(
            [str(self.program), "auth", "login", "--gateway-json"], cwd=self.home, env=self.environment,
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True, bufsize=1,
        )  # fmt: skip


def asked(vendor: Vendor) -> list[Seen]:
    """Return the calls of a model that have reached the vendor."""
    return [seen for seen in vendor.seen if seen.path == b"/v1/messages"]
