"""One try of each kind of channel, against real servers."""

from __future__ import annotations

import asyncio
import json
import time
from typing import Any

import pytest
from django.utils import timezone

from gateway.alerts import messages, sending, services
from gateway.alerts.messages import Outcome
from tests.fakes.mail import MailServer
from tests.fakes.server import Answer, Gate
from tests.gateway.alerts.making import HERE, Receiver, channel, is_signed
from tests.ports import free_port

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def opened(options: Any) -> None:
    options(EGRESS_ALLOWED_NETWORKS=HERE, PUBLIC_URL="https://router.example.org")


def send(name: str = "ops") -> Outcome:
    row = services.get_channel(name)
    return asyncio.run(sending.send(row, messages.of_test(row, timezone.now())))


def test_a_webhook_is_signed_and_posted() -> None:
    with Receiver() as receiver:
        secret = channel(target=receiver.url)
        assert send() == Outcome(True, 200)
        [seen] = receiver.seen
    assert is_signed(seen, secret) and not is_signed(seen, channel("two"))
    body = json.loads(seen.body)
    assert (seen.method, seen.target) == ("POST", b"/hook?key=CANARY-in-a-url")
    assert (body["state"], body["url"]) == ("test", "https://router.example.org/console/alerts/")
    assert seen.get("webhook-id") == body["id"].encode() and seen.get("content-type") == b"application/json"


@pytest.mark.parametrize("kind", ["slack", "discord", "teams"])
def test_chats_are_posted_to(kind: str) -> None:
    with Receiver() as receiver:
        channel("chat", kind, receiver.url)
        assert send("chat").is_ok
        assert {"slack": "text", "discord": "content", "teams": "attachments"}[kind] in receiver.bodies()[0]
        assert receiver.seen[0].get("webhook-signature") is None


def test_what_is_no_2xx_is_not_delivered_and_redirects_lead_nowhere() -> None:
    with Receiver(500, 302, 404) as receiver:
        channel(target=receiver.url)
        assert [send().status for _ in range(3)] == [500, 302, 404]
        receiver.say(Answer(307, [("location", receiver.url)]))
        outcome = send()
        assert (outcome.is_ok, outcome.error, len(receiver.seen)) == (False, "answered 307", 4)


def test_nobody_there_a_hanging_server_and_addresses_that_may_not_be_called(
    options: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    channel(target=f"http://127.0.0.1:{free_port()}/")
    assert send().status is None
    monkeypatch.setattr(sending, "SECONDS", 0.3)
    gate = Gate()
    with Receiver() as receiver:
        receiver.say(Answer(200, before_head=gate))
        channel("hangs", target=receiver.url)
        begun = time.monotonic()
        outcome = send("hangs")
        gate.open()
    assert outcome == Outcome(False, error="no whole answer in time") and time.monotonic() - begun < 20
    options(EGRESS_ALLOWED_NETWORKS=())
    refused = send("hangs")
    assert "may not be called" in refused.error and "CANARY" not in refused.error


def test_channels_that_are_gone_or_sealed_with_another_key(settings: Any) -> None:
    channel()
    row = services.get_channel("ops")
    message = messages.of_test(row, timezone.now())
    assert asyncio.run(sending.send(None, message)).is_over
    settings.DATA_ENCRYPTION_KEYS = (b"k" * 32,)
    assert asyncio.run(sending.send(row, message)).is_over


def test_a_mail_reaches_a_real_server(options: Any) -> None:
    channel("mail", "email", "ann@example.org, bob@example.org")
    assert send("mail").error == sending.NOT_SET
    with MailServer() as server:
        options(EMAIL_URL=server.url, EMAIL_FROM="Router <router@example.org>")
        assert send("mail") == Outcome(True, 250)
        [mail] = server.mails
    assert (
        mail["Subject"] == "Test of Link.Assistant.Router"
        and mail["To"] == "ann@example.org, bob@example.org"
    )
    assert "https://router.example.org/console/alerts/" in mail.get_content()


def test_mail_servers_that_ask_for_a_password_refuse_or_are_away(options: Any) -> None:
    channel("mail", "email", "ann@example.org")
    with MailServer(login=("me", "p@ss/CANARY")) as server:
        options(EMAIL_URL=server.url_as("me", "p%40ss%2FCANARY"), EMAIL_FROM="r@example.org")
        assert send("mail").is_ok
        options(EMAIL_URL=server.url_as("me", "CANARY-wrong"))
        refused = send("mail")
        assert not refused.is_ok and "CANARY" not in refused.error
    with MailServer(refusal="550 not from you, sk-ant-api03-CANARYCANARYCANARYCANARY") as server:
        options(EMAIL_URL=server.url)
        refused = send("mail")
        assert refused.status == 550 and "CANARYCANARY" not in refused.error
    for url in (f"smtp://127.0.0.1:{free_port()}", "smtp://127.0.0.1:x", "smtp+tls://"):
        options(EMAIL_URL=url)
        assert not send("mail").is_ok
