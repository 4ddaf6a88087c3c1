"""Rehearsed faults: met by calls through the real relay, gone afterwards without a trace in the pool."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Callable
from contextlib import suppress
from functools import partial
from typing import Any

import pytest
from asgiref.sync import sync_to_async
from django.utils import timezone

from accounts.pool.cooldown import CooldownState
from accounts.services import add
from gateway.kernel.principal import GATEWAY
from gateway.models import AuditRow
from gateway.rehearsals import services
from gateway.rehearsals.errors import RehearsalNotFound
from gateway.rehearsals.models import Rehearsal
from gateway.relay.relay import Relay
from gateway.runtime import rehearsed, rehearsing
from gateway.runtime.rehearsing import Rehearser
from providers.drivers.base import Scope
from tests.gateway.relay.building import Bench, bench
from tests.gateway.relay.scripted import STREAMED, Script, answer
from tests.principals import SOMEBODY

pytestmark = pytest.mark.django_db(transaction=True)
P: dict[str, Any] = {"principal": SOMEBODY}
DEADLINE = 60.0


class Case:
    """A relay whose upstream would serve everything, and its rehearser."""

    def __init__(self, accounts: int) -> None:
        self.bench: Bench = bench(Script(*[answer() for _ in range(20)]), accounts=accounts)
        self.rehearser = Rehearser(self.bench.pool)

    async def begin(self, **given: Any) -> Rehearsal:
        row = await sync_to_async(services.start, thread_sensitive=False)(given, **P)
        await until(lambda: row.pk in self.rehearser.running)
        return row

    def trace(self) -> list[Any]:
        """What the pool holds against anybody."""
        breaker = self.bench.pool.remember("anthropic").breaker
        found: list[Any] = [None if breaker is None else (breaker.faults, breaker.strikes)]
        for state in self.bench.pool.states():
            entries = [(each.scope, each.value, each.until) for each in state.cooldowns.entries.values()]
            found.append(
                (
                    state.name,
                    entries,
                    state.faults_in_row,
                    state.fault_strikes,
                    state.is_out,
                    state.last_error,
                )
            )
        return found

    def header(self) -> bytes | None:
        head = next(one for one in self.bench.sent if one["type"] == "http.response.start")
        return dict(head["headers"]).get(b"x-rehearsal")

    async def over(self) -> None:
        await until(lambda: self.rehearser.is_at_rest)


async def until(condition: Callable[[], Any]) -> None:
    deadline = time.monotonic() + DEADLINE
    while not condition():
        assert time.monotonic() < deadline, "it never came to be"
        await asyncio.sleep(0.01)


@pytest.fixture
async def make() -> AsyncIterator[Callable[..., Any]]:
    made: list[Case] = []

    async def build(accounts: int = 1) -> Case:
        case = Case(accounts)
        for number in range(accounts):
            given = {"name": f"a{number}", "source": "api_key", "secret": f"key-of-{number}"}
            await sync_to_async(add)(given, **P)
        relays = rehearsed.relays(case.bench.deps, (), case.rehearser)
        case.bench.relay = relays[0]
        case.rehearser.attach(*relays, partial(setattr, case.bench, "relay"))
        await case.rehearser.start()
        made.append(case)
        return case

    yield build
    for case in made:
        await case.rehearser.aclose()


@pytest.mark.parametrize(("fault", "status"), [("429", 429), ("529", 529), ("500", 500)])
async def test_a_refusal_is_the_vendors_own_and_nothing_goes_upstream(
    make: Any, fault: str, status: int
) -> None:
    case = await make()
    before = case.trace()
    row = await case.begin(account="a0", fault=fault, calls=1)
    exchange = await case.bench.call()
    assert case.bench.status == status and case.header() == row.pk.encode()
    assert b'"type":"error"' in case.bench.body and not case.bench.script.requests
    assert (exchange.rehearsal, exchange.cost, exchange.is_sent) == (row.pk, 0, False)
    assert exchange.upstream_status == status
    await case.over()
    assert case.trace() == before
    assert case.bench.pool.states()[0].cooldowns.entries == {}
    exchange = await case.bench.call()
    assert case.bench.status == 200 and not exchange.rehearsal and case.header() is None
    assert type(case.bench.relay) is Relay, "an ordinary call takes no step of ours"


async def test_failover_is_real_and_counts_the_call_once(make: Any) -> None:
    case = await make(2)
    row = await case.begin(account="a0", fault="429", calls=2)
    served = []
    for _ in range(4):
        exchange = await case.bench.call()
        served.append((case.bench.status, exchange.account, bool(exchange.rehearsal), exchange.is_sent))
    with suppress(RehearsalNotFound):  # it has ended, if the second of its calls has met the fault
        await sync_to_async(services.end, thread_sensitive=False)(row.pk, **P)
    await case.over()
    assert {status for status, *_ in served} == {200} and {account for _, account, *_ in served} <= {
        "a0",
        "a1",
    }
    met = [each for each in served if each[2]]
    assert met and all(each[1] == "a1" and each[3] for each in met)
    assert case.trace()[1][1] == [] or (await sync_to_async(services.running)())
    ended = await sync_to_async(Rehearsal.objects.get)(pk=row.pk)
    assert ended.left == 2 - len(met)


async def test_a_real_cooldown_is_there_again_afterwards(make: Any) -> None:
    case = await make(2)
    now = time.time()
    first = case.bench.pool.states()[0]
    first.cooldowns.start(CooldownState(Scope.MODEL, "other-model", now, now + 500, "real"))
    before = case.trace()
    row = await case.begin(provider="anthropic", fault="500")
    for _ in range(5):  # three open the breaker, the others find nobody to ask
        exchange = await case.bench.call()
        assert exchange.rehearsal == row.pk and exchange.cost == 0
    assert case.bench.status == 503
    assert case.trace() != before
    await sync_to_async(services.end, thread_sensitive=False)(row.pk, **P)
    await case.over()
    assert case.trace() == before and not case.bench.script.requests


async def test_a_stall_is_silence_until_it_ends(make: Any) -> None:
    case = await make()
    before = case.trace()
    row = await case.begin(account="a0", fault="stall")
    calling = asyncio.create_task(case.bench.call(STREAMED))
    await until(lambda: case.rehearser.running[row.pk].meeting)
    assert not calling.done()
    await sync_to_async(services.end, thread_sensitive=False)(row.pk, **P)
    exchange = await calling
    await case.over()
    assert exchange.rehearsal == row.pk and case.bench.status >= 500
    assert case.trace() == before


async def test_a_cut_stream_ends_in_the_midst_of_its_content(make: Any) -> None:
    case = await make()
    before = case.trace()
    await case.begin(account="a0", fault="cut", calls=1)
    exchange = await case.bench.call(STREAMED)
    assert (
        case.bench.status == 200
        and b"text_delta" in case.bench.body
        and b"message_stop" not in case.bench.body
    )
    assert b"event: error" in case.bench.body and exchange.cost == 0 and exchange.failure_kind is not None
    await case.over()
    assert case.trace() == before


async def test_it_ends_by_time_and_the_row_says_so(make: Any) -> None:
    case = await make()
    row = await case.begin(account="a0", fault="429", seconds=600)
    await case.bench.call()
    await sync_to_async(lambda: Rehearsal.objects.filter(pk=row.pk).update(ends_at=timezone.now()))()
    await case.over()
    deadline = time.monotonic() + DEADLINE
    await sync_to_async(lambda: services.end_over(principal=GATEWAY))()
    while not (ended := await sync_to_async(Rehearsal.objects.get)(pk=row.pk)).ended_at:
        assert time.monotonic() < deadline
        await asyncio.sleep(0.02)
    assert ended.ended_at is not None and case.trace()[1][1] == []
    actions = await sync_to_async(
        lambda: [(each.action, each.who_kind) for each in AuditRow.objects.order_by("id")]
    )()
    assert actions[-2:] == [("rehearsal.start", "person"), ("rehearsal.end", "system")]


async def test_a_new_one_replaces_the_old_and_others_hear_of_it_by_the_rows(make: Any) -> None:
    case = await make()
    first = await case.begin(account="a0", fault="429")
    second = await case.begin(account="a0", fault="500")
    await until(lambda: set(case.rehearser.running) == {second.pk})
    assert case.rehearser.muted() >= {"account:a0", "provider:anthropic"}
    await sync_to_async(lambda: Rehearsal.objects.filter(pk=second.pk).update(left=0, calls=1))()
    await sync_to_async(lambda: services.end_all(principal=GATEWAY))()
    await case.over()  # another worker's change: the rows are looked at twice a second
    assert first.pk != second.pk


async def test_muting_lingers_and_then_ends(make: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(rehearsing, "LINGER_SECONDS", 0.0)
    monkeypatch.setattr(rehearsing, "PATIENCE_SECONDS", 0.0)
    case = await make()
    assert case.rehearser.muted() == frozenset()
    row = await case.begin(account="a0", fault="429")
    assert case.rehearser.muted() == {"account:a0", "provider:anthropic"}
    await case.bench.call()
    await sync_to_async(services.end, thread_sensitive=False)(row.pk, **P)
    await until(lambda: not case.rehearser.muted())
