"""What tests of several accounts share: a vendor that answers each as told, their files, who served whom."""

from __future__ import annotations

import json
import threading
import time
from collections.abc import Callable
from pathlib import Path

from tests.e2e.calls import STREAM
from tests.fakes.server import Answer, Seen
from tests.fakes.vendor import Vendor, error_answer
from tests.harness import GatewayProcess
from tests.rawhttp import Response


class PoolVendor(Vendor):
    """Takes any one credential, and answers each as `answers` says; counts what came."""

    def __init__(self) -> None:
        super().__init__(credential=None)
        self.answers: dict[str, Answer] = {}
        self.everybody: Answer | None = None
        self.calls: list[tuple[str, str]] = []  # (credential, session)
        self._guard = threading.Lock()

    def answer(self, seen: Seen) -> Answer:
        given = [value.removeprefix(b"Bearer ") for value in seen.all("authorization")] + seen.all(
            "x-api-key"
        )
        session = b",".join(seen.all("x-claude-code-session-id")).decode()
        with self._guard:
            self.calls.append((given[0].decode(), session))
        return self.answers.get(given[0].decode()) or self.everybody or super().answer(seen)


def credential(number: int) -> str:
    return f"sk-ant-oat01-CANARY-{number}"


def write_pair(home: Path, access: str, **more: object) -> None:
    home.mkdir(parents=True, exist_ok=True)
    (home / ".credentials.json").write_text(json.dumps({"claudeAiOauth": {"accessToken": access, **more}}))


def call(gateway: GatewayProcess, session: str = "", body: bytes = STREAM) -> Response:
    headers = [("x-claude-code-session-id", session)] if session else []
    return gateway.messages(body, *headers)


def accounts(gateway: GatewayProcess) -> dict[str, dict]:
    return {one["name"]: one for one in gateway.admin("GET", "/v1/accounts").json()["accounts"]}


def limited(seconds: int = 600) -> Answer:
    return error_answer(
        429,
        "This request would exceed your account's rate limit.",
        ("anthropic-ratelimit-unified-status", "rejected"),
        ("anthropic-ratelimit-unified-5h-status", "rejected"),
        ("retry-after", str(seconds)),
    )


def sessions(vendor: PoolVendor) -> dict[str, list[str]]:
    found: dict[str, list[str]] = {}
    for secret, session in vendor.calls:
        found.setdefault(session, []).append(secret)
    return found


def wait_for(is_so: Callable[[], bool], seconds: float = 1.0) -> None:
    """Wait: the promise is one second; the rest is for a machine that has others to serve."""
    deadline = time.monotonic() + seconds + 2.0
    while not is_so():
        assert time.monotonic() < deadline, f"not so after {seconds} s"
        time.sleep(0.05)
