"""The relay that serves while a fault is rehearsed: its sender knows the call; traced where calls are."""

from __future__ import annotations

from typing import Any

import httpx

from gateway.exchange.context import Arrival
from gateway.relay.relay import Relay
from gateway.runtime import rehearsed
from gateway.runtime.rehearsed import RehearsedRelay, TracedRehearsedRelay
from gateway.telemetry.traces.noted import Noted
from providers.dialects.types import WireRequest
from providers.upstream import Upstream
from tests.gateway.relay.building import bench
from tests.gateway.relay.scripted import Script, answer, refusal


class Meetings:
    """Answers the first call, and notes what it hears."""

    def __init__(self, *answers: httpx.Response) -> None:
        self.answers = list(answers)
        self.heard: list[str] = []

    async def answer(
        self, arrival: Arrival, upstream: Upstream, request: WireRequest
    ) -> httpx.Response | None:
        self.heard.append(f"asks {upstream.account}")
        return self.answers.pop(0) if self.answers else None

    def mark(self, arrival: Arrival) -> None:
        self.heard.append("ends")

    def over(self, call: str) -> None:
        self.heard.append("is over")


class Taken:
    """Takes what is to be traced."""

    def __init__(self) -> None:
        self.calls: list[Noted] = []

    def take(self, call: Noted) -> None:
        self.calls.append(call)

    async def start(self) -> None: ...

    async def aclose(self) -> None: ...


async def test_a_call_meets_what_is_answered_in_an_upstreams_place() -> None:
    made = bench(Script(answer()), accounts=2)
    meetings = Meetings(refusal(529, "overloaded_error"))
    ordinary, other = rehearsed.relays(made.deps, (), meetings)
    assert type(ordinary) is Relay and type(other) is RehearsedRelay
    assert not rehearsed.is_running((ordinary, other))
    made.relay = other
    exchange = await made.call()
    assert (made.status, exchange.attempts, len(made.script.requests)) == (200, 2, 1)
    assert len(meetings.heard) == 4 and meetings.heard[2:] == ["ends", "is over"]
    made.relay, made.sent[:] = ordinary, []
    made.script.steps.append(answer())
    await made.call()
    assert made.status == 200 and len(meetings.heard) == 4, "an ordinary call asks nobody"


async def test_it_is_traced_where_calls_are() -> None:
    made = bench(Script(answer(), answer()))
    taken: Any = Taken()
    for relay in rehearsed.relays(made.deps, (taken,), Meetings()):
        made.relay, made.sent[:] = relay, []
        await made.call()
    assert isinstance(relay, TracedRehearsedRelay) and len(taken.calls) == 2
    first = taken.calls[0]
    assert (first.operation, first.finish_reasons) == ("chat", ("end_turn",))
    assert [each.status for each in first.asked] == [200]
