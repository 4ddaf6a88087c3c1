"""Tries as the relay leaves them: over a scripted upstream, from the first request to the record."""

from __future__ import annotations

import httpx

from gateway.exchange import tries
from providers.dialects.types import FailureKind
from tests.gateway.relay.building import bench
from tests.gateway.relay.scripted import ASK, DELTA, FINISHED, STARTED, Script, answer, refusal, stream

STREAM = {**ASK, "stream": True}
ERROR = b'event: error\ndata: {"type":"error","error":{"type":"overloaded_error","message":"too busy"}}\n\n'


async def test_nothing_is_kept_of_a_call_that_was_served_at_once() -> None:
    exchange = await bench(Script(answer())).call()
    assert (exchange.tries, exchange.upstream_refusal) == ((), None)


async def test_each_upstream_that_was_left_says_why_in_its_own_words() -> None:
    made = bench(Script(refusal(529, "overloaded_error", "busy"), answer()), accounts=2)
    exchange = await made.call()
    assert exchange.status == 200
    told = [(each.provider, each.account, each.status, each.reason) for each in exchange.tries]
    assert told == [
        ("anthropic", "a0", 529, "overloaded_error: busy"),
        ("anthropic", "a1", 200, tries.SERVED),
    ]
    assert all(0 <= each.seconds < 5 for each in exchange.tries)
    assert exchange.upstream_refusal is not None
    assert (exchange.upstream_refusal.type, exchange.upstream_refusal.message) == ("overloaded_error", "busy")


async def test_a_refusal_that_passes_is_kept_too() -> None:
    exchange = await bench(Script(refusal(400, "invalid_request_error", "messages: required"))).call()
    [only] = exchange.tries
    assert (only.status, only.reason) == (400, "invalid_request_error: messages: required")
    assert exchange.upstream_refusal is not None and exchange.upstream_refusal.message == "messages: required"


async def test_an_upstream_that_can_not_be_reached_has_no_words() -> None:
    exchange = await bench(Script(httpx.ConnectError("refused"), httpx.ConnectError("refused"))).call()
    assert exchange.upstream_refusal is None and exchange.tries
    assert {(each.status, each.reason) for each in exchange.tries} == {(None, exchange.failure_message)}


async def test_an_error_inside_a_stream_is_an_upstreams_word() -> None:
    exchange = await bench(Script(stream(STARTED, DELTA, ERROR))).call(STREAM)
    assert exchange.upstream_refusal is not None
    assert exchange.upstream_refusal.message == "too busy"
    assert (exchange.status, exchange.failure_kind) == (200, FailureKind.OVERLOADED)


async def test_a_stream_that_breaks_off_says_so() -> None:
    exchange = await bench(Script(stream(STARTED, DELTA, httpx.ReadError("gone")))).call(STREAM)
    [only] = exchange.tries
    assert exchange.failure_kind is FailureKind.UPSTREAM and only.status == 200
    assert only.reason == exchange.failure_message != ""
    whole = await bench(Script(stream(STARTED, DELTA, FINISHED))).call(STREAM)
    assert whole.tries == ()
