"""The alerts of a worker as they run: heard, decided, delivered, over restarts and beside channels that hang."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from asgiref.sync import sync_to_async
from django.utils import timezone

from accounts.pool.cooldown import CooldownState
from gateway.alerts.alerting import GATHER_SECONDS, Alerting
from gateway.alerts.deciding import Decider
from gateway.alerts.looking import Looker, World
from gateway.alerts.models import AlertMessage
from gateway.kernel import events
from providers.drivers.base import Scope
from tests.accounts.building import Clock, memory_pool
from tests.fakes.mail import MailServer
from tests.fakes.server import Answer, Gate
from tests.gateway.alerts.making import HERE, P, Receiver, channel, is_signed, rule
from tokens.groups import services as groups
from tokens.limits import shares

pytestmark = pytest.mark.django_db(transaction=True)
DEADLINE = 60.0


@pytest.fixture(autouse=True)
def here(options: Any) -> Any:
    options(EGRESS_ALLOWED_NETWORKS=HERE, ALERT_RETRY_SECONDS=0.05)
    yield
    shares.OF_PROCESS.watch(())


class Worker:
    """A worker's alerts over a pool of one account."""

    def __init__(self, name: str = "1") -> None:
        self.clock = Clock()
        self.pool = memory_pool(1, self.clock)
        world = World(lambda: self.pool, lambda: False)
        self.alerting = Alerting(Looker(world, Decider(name)))

    async def __aenter__(self) -> Worker:
        await self.alerting.start()
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.alerting.aclose()

    def rest(self) -> None:
        now = self.clock.now
        self.pool.states()[0].cooldowns.start(CooldownState(Scope.ACCOUNT, "", now, now + 999, "limit"))

    def back(self) -> None:
        self.pool.states()[0].forgive()


async def until(condition: Callable[[], Any]) -> None:
    deadline = time.monotonic() + DEADLINE
    while not condition():
        assert time.monotonic() < deadline, "it never came to be"
        await asyncio.sleep(0.02)


async def rows(**filters: Any) -> list[AlertMessage]:
    return await sync_to_async(lambda: list(AlertMessage.objects.filter(**filters).order_by("id")))()


async def test_an_account_that_is_out_is_told_with_two_retries_and_once_by_two_workers() -> None:
    with Receiver(500, 500) as receiver:
        secret = await sync_to_async(channel)(target=receiver.url)
        await sync_to_async(rule)("account-out")
        async with Worker("1") as one, Worker("2") as other:
            for worker in (one, other):
                worker.rest()
            events.emit(events.ACCOUNT_OUT, "account:a0")
            await until(lambda: len(receiver.seen) >= 3)
            for worker in (one, other):
                worker.back()
            await until(lambda: len(receiver.seen) >= 4)
        bodies = receiver.bodies()
    assert all(is_signed(seen, secret) for seen in receiver.seen)
    assert [body["state"] for body in bodies] == ["firing", "firing", "firing", "resolved"]
    assert len({body["id"] for body in bodies}) == 2 and bodies[0]["subject"] == "account:a0"
    assert [(row.tries, row.state) for row in await rows()] == [(3, "firing"), (1, "resolved")]


async def test_a_burst_of_ten_thousand_events_is_one_message_for_each_subject() -> None:
    with Receiver() as receiver:
        await sync_to_async(channel)(target=receiver.url)
        await sync_to_async(rule)("budget", threshold=50)
        for number in range(5):
            await sync_to_async(groups.create)(f"g{number}", budget="10", budget_period="month", **P)
        async with Worker() as worker:
            for number in range(10_000):
                event = events.Event(events.BUDGET_SHARE, f"group:g{number % 5}", time.time(), {"spent": "6"})
                worker.alerting.hear(event)
                if number % 500 == 0:
                    await asyncio.sleep(0)
            await until(lambda: len(receiver.seen) >= 5)
            for _ in range(2):  # what was told is not told again by later looks
                worker.alerting.hear(
                    events.Event(events.BUDGET_SHARE, "group:g1", time.time(), {"spent": "7"})
                )
                await until(lambda: not worker.alerting.waiting)
        assert sorted(body["subject"] for body in receiver.bodies()) == [
            f"group:g{number}" for number in range(5)
        ]
    assert len(await rows()) == 5


async def test_a_webhook_that_hangs_holds_nobody_up() -> None:
    gate = Gate()
    with Receiver() as hanging, Receiver() as receiver, MailServer() as server:
        hanging.say(*[Answer(200, before_head=gate)] * 50)
        await sync_to_async(channel)("hangs", target=hanging.url)
        await sync_to_async(channel)("works", "slack", target=receiver.url)
        await sync_to_async(rule)("budget", ("hangs", "works"), threshold=50)
        for number in range(20):
            await sync_to_async(groups.create)(f"g{number}", budget="10", budget_period="month", **P)
        async with Worker() as worker:
            for number in range(20):
                worker.alerting.hear(
                    events.Event(events.BUDGET_SHARE, f"group:g{number}", time.time(), {"spent": "6"})
                )
            await until(lambda: len(receiver.seen) >= 20)
            assert 0 < len(hanging.seen) < 20, "a few are sent to it at once"
            gate.open()
        assert len({body["text"] for body in receiver.bodies()}) == 20
        assert not server.mails


async def test_what_was_not_sent_before_a_restart_is_sent_after_it_and_nothing_twice() -> None:
    with Receiver() as receiver:
        await sync_to_async(channel)(target=receiver.url)
        await sync_to_async(rule)("account-out")
        first = Worker("1")
        first.rest()
        await sync_to_async(first.alerting.looker.look)([])  # decided, and the process dies before it sends
        assert len(await rows(delivered_at=None)) == 1 and not receiver.seen
        async with Worker("2") as second:
            second.rest()
            await until(lambda: len(receiver.seen) >= 1)
            await until(lambda: second.alerting.looker.decider.sees)
        async with Worker("3") as third:
            third.rest()
            await until(lambda: third.alerting.looker.decider.sees)
        assert [body["state"] for body in receiver.bodies()] == ["firing"]


@pytest.mark.parametrize("steps", range(1, 7))
async def test_it_ends_also_in_the_moment_it_is_woken(steps: int) -> None:
    worker = Worker()
    await worker.alerting.start()
    await until(lambda: worker.alerting.looker.decider.sees is not None)
    await asyncio.sleep(2 * GATHER_SECONDS)  # its first look is over: it waits to be woken
    worker.alerting.hear(events.Event(events.ACCOUNT_OUT, "account:a0", time.time(), {}))
    for _ in range(steps):
        await asyncio.sleep(0)
    async with asyncio.timeout(30):
        await worker.alerting.aclose()


async def test_what_was_heard_in_the_last_moment_is_decided_before_the_end() -> None:
    with Receiver() as receiver:
        await sync_to_async(channel)(target=receiver.url)
        await sync_to_async(rule)("budget", threshold=50)
        await sync_to_async(groups.create)("g", budget="10", budget_period="month", **P)
        async with Worker() as worker:
            await until(lambda: worker.alerting.looker.rules)
            worker.alerting.hear(events.Event(events.BUDGET_SHARE, "group:g", time.time(), {"spent": "6"}))
        assert len(await rows(subject="group:g")) == 1


async def test_the_database_is_away_and_back() -> None:
    with Receiver() as receiver:
        await sync_to_async(channel)(target=receiver.url)
        await sync_to_async(rule)("database")
        async with Worker() as worker:
            await until(lambda: worker.alerting.looker.rules)
            events.emit(events.DATABASE_AWAY, "database:", reason="OperationalError")
            await until(lambda: len(receiver.seen) >= 1)
            events.emit(events.DATABASE_BACK, "database:")
            await until(lambda: len(receiver.seen) >= 2)
        assert [body["state"] for body in receiver.bodies()] == ["firing", "resolved"]
    assert [row.delivered_at is not None for row in await rows()] == [True, True]


async def test_held_messages_that_are_no_longer_true_are_dropped() -> None:
    with Receiver() as receiver:
        await sync_to_async(channel)(target=receiver.url)
        begin, end = (f"{timezone.now() + timedelta(hours=hours):%H:%M}" for hours in (-2, 2))
        await sync_to_async(rule)("budget", threshold=50, quiet_from=begin, quiet_to=end)
        await sync_to_async(groups.create)("g", budget="10", budget_period="month", **P)
        async with Worker() as worker:
            worker.alerting.hear(events.Event(events.BUDGET_SHARE, "group:g", time.time(), {"spent": "6"}))
            await until(lambda: worker.alerting.looker.rules and not worker.alerting.waiting)
            deadline = time.monotonic() + DEADLINE
            while not await rows(is_held=True):
                assert time.monotonic() < deadline
                await asyncio.sleep(0.02)
            await sync_to_async(groups.change)("g", budget="100", **P)
            await sync_to_async(lambda: AlertMessage.objects.update(next_at=timezone.now()))()
            while await rows():
                assert time.monotonic() < deadline
                await asyncio.sleep(0.02)
        assert not receiver.seen
