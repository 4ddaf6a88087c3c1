"""The database is away: told from memory, written down when it is back."""

from __future__ import annotations

import asyncio
import json
from typing import Any

import pytest

from gateway.alerts.deciding import Decider, load_rules, matched
from gateway.alerts.models import AlertChannel, AlertEntry, AlertMessage
from gateway.alerts.outage import DatabaseOutage
from tests.fakes.server import Answer
from tests.gateway.alerts.making import HERE, Receiver, channel, rule

pytestmark = pytest.mark.django_db


class Redis:
    """Names that workers have taken, as Redis keeps them."""

    def __init__(self) -> None:
        self.taken: set[str] = set()

    async def claim(self, name: str, seconds: int) -> bool:
        is_new = name not in self.taken
        self.taken.add(name)
        return is_new


def tell(outage: DatabaseOutage, known: tuple[Any, Any]) -> None:
    asyncio.run(outage.tell(*known))


def test_two_workers_tell_it_once_and_its_end_once(options: Any) -> None:
    options(EGRESS_ALLOWED_NETWORKS=HERE, ALERT_RETRY_SECONDS=0.0)
    with Receiver(500) as receiver:
        channel(target=receiver.url)
        rule("database")
        known = load_rules(), {row.name: row for row in AlertChannel.objects.all()}
        redis = Redis()
        one, other = DatabaseOutage(redis.claim), DatabaseOutage(redis.claim)
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
