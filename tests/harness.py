"""The gateway as users run it: a process of its own, on its own port, with its own data directory."""

from __future__ import annotations

import atexit
import base64
import contextlib
import json
import os
import re
import shutil
import signal
import sqlite3
import subprocess
import tempfile
import time
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Self

from tests import warm
from tests.fakes.vendor import API_KEY
from tests.rawhttp import Headers, Response, ask

ROOT = warm.ROOT
MANAGE = str(ROOT / "manage.py")
TOKEN_SECRET = "CANARY-token-secret-of-the-test-suite-0123456789"
ADMIN_KEY = "CANARY-admin-key-of-the-test-suite-0123456789"
PATIENCE = 180.0
"""Seconds until a program counts as hanging. It takes a few alone, and a minute beside twenty others."""
LISTENING = re.compile(r"(?i)(?:listening|running) on (?:https?://)?\S*?:(\d+)")
SERVERS = ("daphne", "uvicorn")
ENTRY_POINTS = ("daphne", "uvicorn", "django")
"""`django`: plain `get_asgi_application()`, as a foreign project would serve it; no `serve` command."""


@dataclass(frozen=True)
class Token:
    secret: str
    id: str

    @property
    def bearer(self) -> tuple[str, str]:
        return ("authorization", f"Bearer {self.secret}")


def token_id(secret: str) -> str:
    """Return the `sub` claim."""
    payload = secret.split(".")[1]
    claims = json.loads(base64.urlsafe_b64decode(payload + "=" * (-len(payload) % 4)))
    return str(claims["sub"])


def base_environment(data_dir: Path) -> dict[str, str]:
    """Return an environment with nothing of the caller's but what Python needs to start."""
    keep = ("PATH", "LANG", "LC_ALL", "VIRTUAL_ENV", "TMPDIR", "COVERAGE_PROCESS_START")
    environment = {name: os.environ[name] for name in keep if name in os.environ}
    return {
        **environment,
        "HOME": str(data_dir),
        "ROUTER_HOME": str(data_dir),  # else the `.env` that `make run` leaves in the checkout counts
        "PYTHONPATH": str(ROOT),
        "PYTHONUNBUFFERED": "1",
        "DJANGO_SETTINGS_MODULE": "gateway.settings",
        "DATA_DIR": str(data_dir / "data"),
        "CLAUDE_CODE_HOME": str(data_dir / "claude"),
        "TOKEN_SECRET": TOKEN_SECRET,
        "TOKEN_ADMIN_KEY": ADMIN_KEY,
    }


def manage(
    data_dir: Path, *arguments: str, settings: Mapping[str, str] | None = None, timeout: float = PATIENCE
) -> str:
    """Return the standard output of a management command; fail with its standard error."""
    environment = {**base_environment(data_dir), **(settings or {})}
    done = warm.run([MANAGE, *arguments], data_dir, environment, timeout)
    assert done.status == 0, f"{arguments}: exit {done.status}\n{done.out}\n{done.err}"
    return done.out


def prepare(data_dir: Path, timeout: float = PATIENCE) -> Path:
    """Make a data directory with a migrated database, which is made once and copied."""
    shutil.copytree(_migrated(timeout), data_dir, dirs_exist_ok=True)
    return data_dir


@cache
def _migrated(timeout: float) -> Path:
    directory = Path(tempfile.mkdtemp(prefix="router-template-"))
    atexit.register(shutil.rmtree, directory, ignore_errors=True)
    for name in ("data", "claude"):
        (directory / name).mkdir()
    manage(directory, "migrate", "--verbosity", "0", timeout=timeout)
    return directory


class GatewayProcess:
    """`with GatewayProcess(template, tmp_path, upstream_url) as gateway: …`"""

    port: int
    token: Token  # set by the fixtures: one that every test may use
    listening = LISTENING

    def __init__(
        self,
        template: Path,
        data_dir: Path,
        upstream_url: str,
        entry_point: str = "daphne",
        settings: Mapping[str, str] | None = None,
    ) -> None:
        if template != data_dir:
            shutil.copytree(template, data_dir, dirs_exist_ok=True)
        self.data_dir = data_dir
        self.entry_point = entry_point
        self.log_file = data_dir / "gateway.log"
        self.settings = {
            "UPSTREAM_BASE_URL": upstream_url,
            "ANTHROPIC_API_KEY": API_KEY,
            "LOG_LEVEL": "debug",
            **(settings or {}),
        }

    def _arguments(self) -> list[str]:
        """Return what Python is started with."""
        if self.entry_point == "django":
            # Without uvicorn's own access log, whose lines are not ours to redact.
            flags = ["--factory", "--host", "127.0.0.1", "--port", "0", "--no-access-log"]
            return ["-m", "uvicorn", *flags, "django.core.asgi:get_asgi_application"]
        flags = ["--server", self.entry_point, "--host", "127.0.0.1", "--port", "0"]
        return [MANAGE, "serve", *flags]

    def environment(self) -> dict[str, str]:
        """Return what it is started with."""
        return {**base_environment(self.data_dir), **self.settings}

    def _launch(self) -> None:
        with self.log_file.open("wb") as log:
            self.process = warm.start(self._arguments(), self.data_dir, self.environment(), log)

    def start(self, timeout: float = PATIENCE) -> Self:
        self._launch()
        try:
            self.port = self._port_once_listening(timeout)
        except BaseException:
            with contextlib.suppress(AssertionError):
                self.stop()  # nobody else would: `with` does not end what it could not begin
            raise
        return self

    def _port_once_listening(self, timeout: float) -> int:
        deadline = time.monotonic() + timeout
        while not (found := self.listening.search(self.log())):
            assert self.process.poll() is None, f"exit {self.process.returncode}:\n{self.log()}"
            assert time.monotonic() < deadline, f"not listening after {timeout} s:\n{self.log()}"
            time.sleep(0.02)
        return int(found[1])

    def stop(self, timeout: float = 15.0) -> int:
        """Send SIGTERM; return the exit status."""
        if self.process.poll() is None:
            self.process.send_signal(signal.SIGTERM)
        try:
            return self.process.wait(timeout)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()
            raise AssertionError(f"still running {timeout} s after SIGTERM:\n{self.log()[-3000:]}") from None

    def __enter__(self) -> Self:
        return self.start()

    def __exit__(self, *exc: object) -> None:
        self.stop()

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    def log(self) -> str:
        return self.log_file.read_text(errors="replace")

    def manage(self, *arguments: str) -> str:
        return manage(self.data_dir, *arguments, settings=self.settings)

    # over HTTP
    def ask(
        self, method: str, target: str | bytes, headers: Headers = (), body: bytes | None = None
    ) -> Response:
        return ask(self.port, method, target, headers, body)

    def admin(self, method: str, target: str, body: object = None) -> Response:
        """Make a management call with the admin key."""
        headers = [("authorization", f"Bearer {ADMIN_KEY}"), ("content-type", "application/json")]
        return self.ask(method, target, headers, None if body is None else json.dumps(body).encode())

    def messages(self, body: bytes, *headers: tuple[str, str], query: str = "") -> Response:
        """Call `POST /v1/messages` with the shared token."""
        return self.ask("POST", "/v1/messages" + query, [*self.call_headers(), *headers], body)

    def call_headers(self) -> Headers:
        """Return the headers of an ordinary client: our token, a version, a content type."""
        return [self.token.bearer, ("anthropic-version", "2023-06-01"), ("content-type", "application/json")]

    def issue(self, label: str = "test") -> Token:
        answer = self.admin("POST", "/api/tokens", {"label": label, "ttl_hours": 1})
        assert answer.status == 200, answer
        secret = answer.json()["token"]
        return Token(secret, token_id(secret))

    def clear_accounts(self) -> None:
        """End every cooldown, and close circuit breakers."""
        for account in self.admin("GET", "/v1/accounts").json()["accounts"]:
            answer = self.admin("POST", f"/api/accounts/{account['name']}/clear", {})
            assert answer.status == 200, answer

    # as its files show it
    def rows(self, query: str, *values: object) -> list[sqlite3.Row]:
        """Return what a query finds in its database, from outside."""
        with contextlib.closing(
            sqlite3.connect(self.data_dir / "data" / "router.sqlite3", timeout=20)
        ) as database:
            database.row_factory = sqlite3.Row
            return database.execute(query, values).fetchall()

    def exchanges(self, token: Token, count: int = 1, timeout: float = 5.0) -> list[sqlite3.Row]:
        """Return the usage rows of a token, oldest first, once there are `count`: rows are written within a
        second.
        """
        deadline = time.monotonic() + timeout
        query = "SELECT * FROM gateway_exchange WHERE token_id = ? ORDER BY id"
        while len(found := self.rows(query, token.id)) < count:
            assert time.monotonic() < deadline, f"{len(found)} of {count} rows after {timeout} s"
            time.sleep(0.05)
        return found

    # as the operating system sees it
    def processes(self) -> list[int]:
        """Return the process and all below it."""
        found = [self.process.pid]
        for pid in found:
            children = Path(f"/proc/{pid}/task/{pid}/children")
            found += [int(child) for child in children.read_text().split()] if children.exists() else []
        return found

    def resident_bytes(self) -> int:
        total = 0
        for pid in self.processes():
            status = Path(f"/proc/{pid}/status").read_text()
            total += int(re.search(r"VmRSS:\s+(\d+)", status)[1]) * 1024
        return total
