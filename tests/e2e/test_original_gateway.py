"""The vendor's own gateway as a peer: what a client asks to sign in is answered alike, or differs as we mean it."""

from __future__ import annotations

import json
import os
import re
import subprocess
import time
import urllib.error
import urllib.parse
import urllib.request
from collections.abc import Iterator
from dataclasses import dataclass
from http.cookiejar import CookieJar
from pathlib import Path
from typing import Any

import pytest

from tests.e2e.installs import claude_code
from tests.e2e.signing_in import DEVICE_GRANT, Human, person
from tests.fakes.issuer import CLIENT_ID, CLIENT_SECRET, Issuer
from tests.fakes.postgres import Postgres, binaries
from tests.fakes.vendor import API_KEY, Vendor
from tests.harness import GatewayProcess
from tests.ports import free_port

pytestmark = [
    pytest.mark.interop,
    pytest.mark.postgres,
    pytest.mark.timeout(300),
    pytest.mark.skipif(binaries() is None, reason="no PostgreSQL server, which the original needs"),
]
CONFIG = """
listen: {{host: 127.0.0.1, port: {port}, public_url: "http://127.0.0.1:{port}"}}
oidc: {{issuer: "{issuer}", client_id: "{client}", client_secret: "{secret}", allowed_email_domains: [example.org]}}
session: {{jwt_secret: "0123456789abcdef0123456789abcdef0123456789abcdef"}}
store: {{postgres_url: "postgres://router@127.0.0.1:{database}/postgres"}}
upstreams: [{{provider: anthropic, base_url: "{vendor}", auth: {{api_key: "{key}"}}}}]
managed: {{policies: [{{match: {{}}, cli: {policy}}}]}}
"""
POLICY = """{
 "permissions": {"deny": ["Bash", "Read(/etc/**)"], "allow": []},
 "language": "ünïcode 你好 \\u0007 \\"q\\" </a>", "cleanupPeriodDays": 20.0, "model": "claude-sonnet-5-5",
 "env": {"b": "1", "B": "2", "a": "", "10": "x", "9": "y"}
}"""
"""One text for both sides, with what two writers of JSON may do differently: order, escapes, whole numbers."""


@dataclass(frozen=True)
class Said:
    status: int
    headers: dict[str, str]
    body: str

    @property
    def json(self) -> Any:
        return json.loads(self.body)


def ask(url: str, fields: dict[str, str] | None = None, **headers: str) -> Said:
    data = None if fields is None else urllib.parse.urlencode(fields).encode()
    request = urllib.request.Request(url, data, {"user-agent": "claude-code/2.1.332", **headers})
    try:
        with urllib.request.urlopen(request, timeout=20) as answer:
            return Said(
                answer.status, {k.lower(): v for k, v in answer.headers.items()}, answer.read().decode()
            )
    except urllib.error.HTTPError as refused:
        headers = {k.lower(): v for k, v in refused.headers.items()}
        return Said(refused.code, headers, refused.read().decode())


@pytest.fixture(scope="module")
def issuer() -> Iterator[Issuer]:
    with Issuer() as issuer:
        yield issuer


@pytest.fixture(scope="module")
def database() -> Iterator[int]:
    """Give the port of a PostgreSQL of this test's own: the original takes no socket."""
    server, port = Postgres(), free_port()
    try:
        server.start(f"-c listen_addresses=127.0.0.1 -c port={port}")
        yield port
    finally:
        server.close()


@pytest.fixture(scope="module")
def original(issuer: Issuer, database: int, tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """Give the address of the original."""
    home, port, program = tmp_path_factory.mktemp("original"), free_port(), claude_code()
    config = CONFIG.format(
        port=port, issuer=issuer.url, client=CLIENT_ID, secret=CLIENT_SECRET, database=database,
        vendor="http://127.0.0.1:1", key=API_KEY, policy=POLICY,
    )  # fmt: skip
    (home / "gateway.yaml").write_text(config)
    environment = {"PATH": os.environ["PATH"], "HOME": str(home), "CLAUDE_GATEWAY_ALLOW_LOOPBACK": "1"}
    with (home / "log").open("wb") as log:
        running = subprocess.Popen(
            [str(program), "gateway", "--config", str(home / "gateway.yaml")],
            cwd=home, env=environment, stdout=log, stderr=log,
        )  # fmt: skip
    try:
        yield _once_there(f"http://127.0.0.1:{port}", running, home / "log")
    finally:
        running.terminate()
        running.wait(20)


def _once_there(url: str, running: subprocess.Popen[bytes], log: Path) -> str:
    deadline = time.monotonic() + 60
    while True:
        try:
            ask(f"{url}/.well-known/oauth-authorization-server")
            return url
        except urllib.error.URLError:
            assert running.poll() is None and time.monotonic() < deadline, log.read_text()[-3000:]
            time.sleep(0.2)


@pytest.fixture(scope="module")
def ours(template: Path, shared_vendor: Vendor, tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    home = tmp_path_factory.mktemp("ours") / "gateway"
    with GatewayProcess(template, home, shared_vendor.url, "uvicorn") as gateway:
        person(gateway)
        answer = gateway.admin("PUT", "/api/policies/*", {"settings": json.loads(POLICY)})
        assert (answer.status, answer.json()["warnings"]) == (200, []), answer
        yield gateway.url


MISTAKES: list[tuple[str, dict[str, str]]] = [
    ("/oauth/token", {"grant_type": DEVICE_GRANT, "device_code": "nonsense"}),
    ("/oauth/token", {"grant_type": "password", "username": "a"}),
    ("/oauth/token", {"grant_type": "refresh_token", "refresh_token": "nonsense"}),
]


@pytest.mark.parametrize(("path", "fields"), MISTAKES, ids=lambda value: str(value)[:60])
def test_a_mistake_is_told_alike(original: str, ours: str, path: str, fields: dict[str, str]) -> None:
    theirs, mine = ask(original + path, fields), ask(ours + path, fields)
    assert (mine.status, mine.json["error"]) == (theirs.status, theirs.json["error"])
    assert "no-store" in mine.headers["cache-control"] and "no-store" in theirs.headers["cache-control"]


def test_a_missing_grant_is_told_by_name_here(original: str, ours: str) -> None:
    """The original calls it unsupported, RFC 6749 an invalid request."""
    theirs, mine = ask(f"{original}/oauth/token", {"a": "b"}), ask(f"{ours}/oauth/token", {"a": "b"})
    assert (theirs.status, theirs.json["error"]) == (400, "unsupported_grant_type")
    assert mine.status == 400 and mine.json["error"] in ("invalid_request", "unsupported_grant_type")


def test_discovery_has_what_the_original_says(original: str, ours: str) -> None:
    path = "/.well-known/oauth-authorization-server"
    theirs, mine = ask(original + path).json, ask(ours + path).json
    for name in ("issuer", "device_authorization_endpoint", "token_endpoint"):
        assert mine[name].removeprefix(ours) == theirs[name].removeprefix(original)
    assert set(theirs["grant_types_supported"]) <= set(mine["grant_types_supported"])
    assert mine["revocation_endpoint"] == f"{ours}/oauth/revoke" and "revocation_endpoint" not in theirs


@pytest.mark.parametrize("bearer", [None, "nonsense", "la_sk_a.b.c"])
@pytest.mark.parametrize("path", ["/managed/settings", "/api/oauth/usage", "/v1/models", "/v1/metrics"])
def test_who_is_nobody_is_told_so_alike(original: str, ours: str, path: str, bearer: str | None) -> None:
    headers = {} if bearer is None else {"authorization": f"Bearer {bearer}"}
    fields = {} if path == "/v1/metrics" else None
    theirs, mine = ask(original + path, fields, **headers), ask(ours + path, fields, **headers)
    assert mine.status == theirs.status == 401
    assert mine.json["error"]["type"] == theirs.json["error"]["type"] == "authentication_error"


def granted(url: str, approve: Any) -> tuple[Said, Said]:
    """Return the answers that begin and end a sign-in."""
    begun = ask(f"{url}/oauth/device_authorization", {"surface": "claude_code", "unknown": "1"})
    fields = {"grant_type": DEVICE_GRANT, "device_code": begun.json["device_code"]}
    pending = ask(f"{url}/oauth/token", fields)
    assert (pending.status, pending.json["error"]) == (400, "authorization_pending")
    hurried = ask(f"{url}/oauth/token", fields)
    assert (hurried.status, hurried.json["error"]) == (429, "slow_down")
    approve(begun.json["user_code"])
    deadline = time.monotonic() + 30
    while (told := ask(f"{url}/oauth/token", fields)).status != 200:
        assert told.json["error"] == "slow_down" and time.monotonic() < deadline, told
        time.sleep(5)
    again = ask(f"{url}/oauth/token", fields)
    assert (again.status, again.json["error"]) in ((400, "expired_token"), (429, "slow_down"))
    return begun, told


def at_the_original(url: str, code: str) -> None:
    """Approve at the original: one click, then its issuer lets her in."""
    opener = urllib.request.build_opener(urllib.request.HTTPCookieProcessor(CookieJar()))
    with opener.open(f"{url}/device?user_code={code}", timeout=20) as page:
        action = re.search(r'action="([^"]*)"', page.read().decode())
    target = urllib.parse.urljoin(f"{url}/device", action[1] if action else "/device")
    data = urllib.parse.urlencode({"user_code": code}).encode()
    headers = {"origin": url, "sec-fetch-site": "same-origin"}
    with opener.open(urllib.request.Request(target, data, headers), timeout=20) as page:
        assert page.status == 200


def test_a_sign_in_has_the_same_shape(original: str, ours: str) -> None:
    human = Human(ours)
    human.log_in()
    their_begin, their_pair = granted(original, lambda code: at_the_original(original, code))
    my_begin, my_pair = granted(ours, human.approve)
    assert set(my_begin.json) == set(their_begin.json)
    for name in ("expires_in", "interval"):
        assert my_begin.json[name] == their_begin.json[name]
    letters = re.compile(r"[B-DF-HJ-NP-TV-Z]{4}-[B-DF-HJ-NP-TV-Z]{4}")
    assert letters.fullmatch(my_begin.json["user_code"])
    assert re.fullmatch(r"[B-DF-HJ-NP-TV-Z]{4}-[B-DF-HJ-NP-TV-Z]{4}|\S{9}", their_begin.json["user_code"])
    assert set(their_pair.json) - {"refresh_token", "scope"} <= set(my_pair.json)
    assert my_pair.json["token_type"] == their_pair.json["token_type"] == "Bearer"
    assert my_pair.json["expires_in"] == their_pair.json["expires_in"] == 3600
    assert "email" in my_pair.json
    for url, pair in ((original, their_pair), (ours, my_pair)):
        bearer = {"authorization": f"Bearer {pair.json['access_token']}"}
        version = {"anthropic-version": "2023-06-01"}
        models = ask(f"{url}/v1/models?limit=1000", **bearer, **version).json["data"]
        assert models and all({"type", "id", "display_name"} <= set(model) for model in models)
        taken = ask(f"{url}/v1/logs", {}, **bearer, **{"content-type": "application/json"})
        assert taken.status == 200
    same_settings((original, their_pair.json), (ours, my_pair.json))


def same_settings(*sides: tuple[str, dict[str, str]]) -> None:
    """Ask both sides for the settings of one policy, and once more with the tag of the other side."""

    def asked_for(number: int, tag: str = '"none"') -> Said:
        url, pair = sides[number]
        bearer = f"Bearer {pair['access_token']}"
        return ask(f"{url}/managed/settings", authorization=bearer, **{"if-none-match": tag})

    theirs, mine = asked_for(0), asked_for(1)
    assert theirs.status == mine.status == 200
    assert mine.json == theirs.json and mine.headers["etag"] == theirs.headers["etag"]
    assert asked_for(0, mine.headers["etag"]).status == asked_for(1, theirs.headers["etag"]).status == 304
