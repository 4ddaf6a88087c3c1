"""Told and rehearsed, as users run it: a real gateway, a real webhook, a real mail server."""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.fakes.mail import MailServer
from tests.fakes.server import Answer, Gate
from tests.fakes.vendor import Vendor
from tests.gateway.alerts.making import Receiver, is_signed
from tests.harness import ADMIN_KEY, GatewayProcess
from tests.rawhttp import ask

DEADLINE = 60.0
ADMIN = (("authorization", f"Bearer {ADMIN_KEY}"), ("content-type", "application/json"))
ASK = {"model": "claude-opus-4-7", "max_tokens": 16, "messages": [{"role": "user", "content": "hi"}]}


class Case:
    def __init__(self, gateway: GatewayProcess) -> None:
        self.gateway = gateway
        self.token = self.api("POST", "/api/tokens", {"label": "one"})["token"]

    def api(self, method: str, path: str, body: object = None) -> Any:
        data = b"" if body is None else json.dumps(body).encode()
        answer = ask(self.gateway.port, method, path, ADMIN, data)
        assert answer.status < 300, (path, answer.status, answer.body)
        return json.loads(answer.body)

    def call(self) -> Any:
        headers = (
            ("authorization", f"Bearer {self.token}"),
            ("content-type", "application/json"),
            ("anthropic-version", "2023-06-01"),
        )
        return ask(self.gateway.port, "POST", "/v1/messages", headers, json.dumps(ASK).encode())


def until(condition: Callable[[], Any]) -> Any:
    deadline = time.monotonic() + DEADLINE
    while not (found := condition()):
        assert time.monotonic() < deadline, "it never came to be"
        time.sleep(0.05)
    return found


@pytest.fixture
def mail() -> Iterator[MailServer]:
    with MailServer() as server:
        yield server


@pytest.fixture
def case(template: Path, tmp_path: Path, mail: MailServer) -> Iterator[Case]:
    settings = {
        "EGRESS_ALLOWED_NETWORKS": "127.0.0.0/8",
        "ALERT_RETRY_SECONDS": "0.1",
        "EMAIL_URL": mail.url,
        "EMAIL_FROM": "router@example.org",
    }
    with Vendor() as vendor, GatewayProcess(template, tmp_path, vendor.url, settings=settings) as gateway:
        yield Case(gateway)


def test_an_account_that_is_out_is_told_to_webhook_and_mail_and_a_restart_repeats_nothing(
    case: Case, mail: MailServer
) -> None:
    with Receiver(500, 500) as receiver:
        hook = {"name": "ops", "kind": "webhook", "target": receiver.url}
        secret = case.api("POST", "/api/alerts/channels", hook)["secret"]
        case.api(
            "POST", "/api/alerts/channels", {"name": "mail", "kind": "email", "target": "ann@example.org"}
        )
        case.api("POST", "/api/alerts/rules", {"event": "token-expires", "channels": ["ops", "mail"]})
        until(lambda: len(receiver.seen) >= 3 and mail.mails)
        assert all(is_signed(seen, secret) for seen in receiver.seen)
        assert len({seen.get("webhook-id") for seen in receiver.seen}) == 1
        assert mail.mails[0]["Subject"].startswith("Token one expires in")
        case.gateway.stop()
        case.gateway.start()
        case.api("POST", "/api/alerts/rules", {"event": "disk", "threshold": 1, "channels": ["ops"]})
        until(lambda: len(receiver.seen) >= 4)
        events = [body["event"] for body in receiver.bodies()]
        assert events == ["token-expires"] * 3 + ["disk"], "the restart told nothing twice"
    log = case.api("GET", "/api/alerts/log?event=token-expires&channel=ops")["data"]
    assert [(row["tries"], row["error"]) for row in log] == [(3, None)]


def test_a_rehearsed_429_is_met_marked_and_gone_and_nobody_is_alerted(case: Case) -> None:
    with Receiver() as receiver:
        case.api("POST", "/api/alerts/channels", {"name": "ops", "kind": "webhook", "target": receiver.url})
        for event in ("account-out", "provider-out"):
            case.api("POST", "/api/alerts/rules", {"event": event, "channels": ["ops"]})
        made = case.api("POST", "/api/rehearsals", {"provider": "anthropic", "fault": "429", "calls": 1})
        met = case.call()
        assert met.status == 429 and met.get("x-rehearsal") == made["id"]
        until(lambda: not case.api("GET", "/api/rehearsals")["data"])
        until(lambda: not any(each["cooldowns"] for each in case.api("GET", "/api/accounts")["data"]))
        served = case.call()
        assert served.status == 200 and served.get("x-rehearsal") is None
        rows = until(lambda: len(found := case.api("GET", "/api/requests")["data"]) >= 2 and found)
        marked = {row["status"]: (row["is_rehearsal"], row["cost"]) for row in rows}
        assert marked[429] == (True, "0") and marked[200][0] is False
        case.api("POST", "/api/alerts/channels/ops/test")
        until(lambda: receiver.seen)
        assert [body["event"] for body in receiver.bodies()] == ["test"]


def test_a_killed_gateway_loses_no_alert_and_a_hanging_webhook_holds_no_call_up(case: Case) -> None:
    gate = Gate()
    with Receiver() as receiver:
        receiver.say(Answer(500), Answer(200, before_head=gate))
        case.api("POST", "/api/alerts/channels", {"name": "ops", "kind": "webhook", "target": receiver.url})
        case.api("POST", "/api/alerts/rules", {"event": "token-expires", "channels": ["ops"]})
        until(lambda: len(receiver.seen) >= 2)
        assert case.call().status == 200, "while the webhook hangs"
        case.gateway.process.kill()
        case.gateway.process.wait()
        gate.open()
        case.gateway.start()
        until(lambda: len(receiver.seen) >= 3)
        until(lambda: case.api("GET", "/api/alerts/log?event=token-expires")["data"][0]["delivered_at"])
    assert len({seen.get("webhook-id") for seen in receiver.seen}) == 1 and len(receiver.seen) == 3
