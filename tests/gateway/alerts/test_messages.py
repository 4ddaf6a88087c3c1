"""Messages: claims, waits, the end."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from django.utils import timezone

from gateway.alerts import messages
from gateway.alerts.messages import Outcome
from gateway.alerts.models import OPEN, AlertEntry, AlertMessage
from gateway.alerts.seen import Rule

pytestmark = pytest.mark.django_db
AWAY, OK = Outcome(False, 500, "answered 500"), Outcome(True, 200)
LOUD = Rule(1, "account-out", None, "", ("ops", "chat"))


def quiet() -> Rule:
    """A rule whose quiet hours began an hour ago and go on for two."""
    begin, end = (f"{timezone.now() + timedelta(hours=hours):%H:%M}" for hours in (-1, 2))
    return Rule(1, "account-out", None, "", ("ops",), begin, end)


def entry(subject: str = "account:a", **values: Any) -> AlertEntry:
    usual = {"rule_id": 1, "event": "account-out", "once": OPEN, "is_outage": True, "at": timezone.now()}
    return AlertEntry.objects.create(subject=subject, **{**usual, **values})


def raised(rule: Rule = LOUD, made: AlertEntry | None = None) -> list[AlertMessage]:
    now = timezone.now()
    made = made or entry()
    messages.add([messages.firing(made, rule, rule.channels, now)])
    return list(AlertMessage.objects.filter(entry=made).order_by("id"))


def test_a_message_is_claimed_once_and_not_for_a_channel_that_is_full() -> None:
    raised()
    [first] = messages.claim(["chat"], 10)
    assert first.channel == "ops" and messages.claim(["chat"], 10) == []
    assert [each.channel for each in messages.claim([], 10)] == ["chat"]
    AlertMessage.objects.update(claimed_until=timezone.now() - timedelta(seconds=1))
    assert len(messages.claim([], 10)) == 2, "a claim whose worker died runs out"


def test_waits_double_with_the_same_id_until_it_is_given_up(options: Any) -> None:
    options(ALERT_RETRY_SECONDS=5.0, ALERT_GIVE_UP_SECONDS=60.0)
    message = raised()[0]
    now, waits, ident = message.at, [], message.id
    for _ in range(6):
        messages.note(message, AWAY, now)
        waits.append((message.next_at - now).total_seconds() if message.ended_at is None else None)
        now = message.next_at
    assert waits == [5, 10, 20, 25, None, None] and message.id == ident
    assert message.delivered_at is None and message.error == "answered 500"


def test_a_try_that_succeeds_ends_it() -> None:
    [message, _] = raised()
    messages.conclude(message, AWAY)
    messages.conclude(message, OK)
    shown = messages.shown(AlertMessage.objects.get(pk=message.pk))
    assert shown["tries"] == 2 and shown["delivered_at"] and shown["error"] is None and shown["rule"] == 1
    assert messages.claim(["chat"], 10) == []


def test_the_end_of_an_outage_waits_for_the_news_of_its_beginning() -> None:
    [firing, _] = raised()
    made = firing.entry
    assert made is not None
    messages.add([messages.resolved(made, timezone.now())])
    assert {each.state for each in messages.claim([], 10)} == {"firing"}
    messages.conclude(firing, OK)
    assert [(each.channel, each.state) for each in messages.claim([], 10)] == [(firing.channel, "resolved")]


def test_what_waited_for_the_end_of_quiet_hours_is_told_if_it_is_still_true() -> None:
    [message] = raised(quiet())
    assert message.is_held and message.next_at > message.at and messages.claim([], 10) == []
    assert messages.is_still_true(message)
    AlertEntry.objects.update(ended_at=timezone.now())
    assert not messages.is_still_true(AlertMessage.objects.get())
    over = entry("group:g", event="budget", once="80:day:0", is_outage=False, valid_until=timezone.now())
    assert not messages.is_still_true(raised(quiet(), over)[0])
    gone = entry("token:none", event="token-expires", once="3:1", is_outage=False)
    assert not messages.is_still_true(raised(quiet(), gone)[0])
    lifted = entry("group:none", event="budget", once="80:day:1", is_outage=False)
    assert not messages.is_still_true(raised(quiet(), lifted)[0])


def test_old_ones_go_and_what_is_open_stays() -> None:
    old = timezone.now() - messages.KEPT - timedelta(days=1)
    kept = entry("account:open", at=old)
    raised(LOUD, entry("account:over", at=old, once="ended:1", ended_at=old))
    forever = entry("group:never", at=old, once="80:never:0", is_outage=False, event="budget")
    messages.forget_old()
    assert set(AlertEntry.objects.all()) == {kept, forever} and not AlertMessage.objects.exists()
