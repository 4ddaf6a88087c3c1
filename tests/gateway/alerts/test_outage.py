"""The database is away: told from memory, written down when it is back."""

from __future__ import annotations

import asyncio
import json
from typing import Any

import pytest

from gateway.alerts.deciding import Decider, load_rules, matched
from gateway.alerts.models import AlertChannel, AlertEntry, AlertMessage
from gateway.alerts.outage import HOLD_SECONDS, HOUR_SECONDS, DatabaseOutage, OwnNames
from tests.fakes.server import Answer
from tests.gateway.alerts.making import HERE, Receiver, channel, rule

pytestmark = pytest.mark.django_db


def tell(outage: DatabaseOutage, known: tuple[Any, Any]) -> None:
    asyncio.run(outage.tell(*known))


def test_two_workers_tell_it_once_and_its_end_once(options: Any) -> None:
    options(EGRESS_ALLOWED_NETWORKS=HERE, ALERT_RETRY_SECONDS=0.0)
    with Receiver(500) as receiver:
        channel(target=receiver.url)
        rule("database")
        known = load_rules(), {row.name: row for row in AlertChannel.objects.all()}
        names = OwnNames()  # as two workers share them
        one, other = DatabaseOutage(names), DatabaseOutage(names)
        for _ in range(3):
            tell(one, known)
            tell(other, known)
        bodies = receiver.bodies()
        assert [body["event"] for body in bodies] == ["database", "database"], "a 500, and the same once more"
        assert len({body["id"] for body in bodies}) == 1 and bodies[0]["state"] == "firing"
    for outage in (one, other):
        outage.write_down()
        outage.write_down()
    message = AlertMessage.objects.get()
    assert (message.id, message.tries, message.delivered_at is None) == (bodies[0]["id"], 2, False)
    rules = load_rules()
    assert [Decider("1").decide(rules, matched(rules, [])) for _ in range(2)] == [1, 0]
    assert AlertMessage.objects.get(state="resolved").subject == "database:"


def test_what_could_not_be_told_meanwhile_is_told_when_it_is_back(options: Any) -> None:
    options(EGRESS_ALLOWED_NETWORKS=HERE, ALERT_RETRY_SECONDS=600.0)
    with Receiver() as receiver:
        receiver.say(Answer(503))
        channel(target=receiver.url)
        rule("database")
        outage = DatabaseOutage()
        tell(outage, (load_rules(), {row.name: row for row in AlertChannel.objects.all()}))
        outage.write_down()
    message = AlertMessage.objects.get()
    assert (message.tries, message.ended_at, message.error) == (1, None, "answered 503")
    assert json.dumps(message.content)


def test_others_are_not_told_of_it_and_a_second_worker_writes_nothing_twice() -> None:
    channel()
    rule("redis")
    rule("database", enabled=False)
    outage = DatabaseOutage()
    tell(outage, (load_rules(), {}))
    assert not outage.has_told
    rule("database")
    for outage in (DatabaseOutage(), DatabaseOutage()):
        tell(outage, (load_rules(), {}))
        assert outage.has_told
        outage.write_down()
    assert AlertEntry.objects.count() == AlertMessage.objects.count() == 1


def test_what_comes_and_goes_is_told_once_an_hour_and_then_if_it_lasts(monkeypatch: Any) -> None:
    channel()
    rule("database")
    now = 1_000.0
    names = OwnNames(lambda: now)
    monkeypatch.setattr("gateway.alerts.outage.time.monotonic", lambda: now)
    monkeypatch.setattr("gateway.alerts.outage._send", _taken)
    known = load_rules(), {}
    told = 0
    for _ in range(30):  # away and back, each minute
        outage = DatabaseOutage(names)
        tell(outage, known)
        told += outage.has_told
        now += 60
    assert told == 1
    lasting = DatabaseOutage(names)
    for _ in range(3 * HOUR_SECONDS // int(HOLD_SECONDS)):
        tell(lasting, known)
        now += HOLD_SECONDS
    assert lasting.has_told, "an hour after the last one"
    others = DatabaseOutage(names)
    tell(others, known)
    assert not others.has_told, "it is held while it lasts"
    now += HOUR_SECONDS
    tell(others, known)
    assert others.has_told


async def _taken(*_: object) -> None:
    """Stand in for a channel that takes everything."""
