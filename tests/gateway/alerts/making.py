"""Channels, rules and receivers for tests of alerts."""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
import time
from collections.abc import Callable
from typing import Any

from gateway.alerts import services
from gateway.alerts.deciding import load_rules
from gateway.alerts.models import AlertRule
from gateway.alerts.seen import Rule
from tests.fakes.server import Answer, FakeServer, Seen
from tests.principals import SOMEBODY

HERE = ("127.0.0.0/8",)
P = {"principal": SOMEBODY}


def channel(name: str = "ops", kind: str = "webhook", target: str = "https://hooks.example.org/x") -> str:
    """Make a channel; return its secret, empty where its kind has none."""
    return services.create_channel({"name": name, "kind": kind, "target": target}, **P).secret


def rule(event: str, channels: tuple[str, ...] = ("ops",), **values: Any) -> AlertRule:
    return services.create_rule({"event": event, "channels": list(channels), **values}, **P)


def in_memory(row: AlertRule) -> Rule:
    return next(each for each in load_rules() if each.id == row.pk)


class Receiver(FakeServer):
    """A webhook's other end: keeps what came, and answers with the statuses it was given, then 200."""

    def __init__(self, *statuses: int) -> None:
        super().__init__(self._answer)
        self.statuses = list(statuses)

    def _answer(self, seen: Seen) -> Answer:
        return Answer(self.statuses.pop(0) if self.statuses else 200)

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}/hook?key=CANARY-in-a-url"

    def bodies(self) -> list[dict[str, Any]]:
        return [json.loads(seen.body) for seen in list(self.seen)]


def is_signed(seen: Seen, secret: str) -> bool:
    """Check a signature as a receiver would: written from the standard, not from our code."""
    ident, stamp = (seen.get(f"webhook-{name}") or b"" for name in ("id", "timestamp"))
    key = base64.b64decode(secret.removeprefix("whsec_"))
    mac = hmac.new(key, b".".join((ident, stamp, seen.body)), hashlib.sha256).digest()
    version, _, signature = (seen.get("webhook-signature") or b"").partition(b",")
    is_fresh = abs(time.time() - int(stamp)) < 300
    return version == b"v1" and is_fresh and hmac.compare_digest(base64.b64decode(signature), mac)


def until(condition: Callable[[], Any], seconds: float = 60.0) -> None:
    """Wait until something is so, however slow the machine is."""
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, "it never came to be"
        time.sleep(0.02)
