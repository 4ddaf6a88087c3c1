"""The relay's own rules, over a scripted upstream and ASGI messages: no sockets."""

from __future__ import annotations

import asyncio
import json
from dataclasses import replace
from typing import Any

import httpx
import msgspec
import pytest

from gateway.exchange.downstream import Request
from gateway.exchange.exchange import CLIENT_LEFT
from gateway.exchange.surfaces import WrongMethod
from gateway.relay.deps import RelayOptions
from gateway.relay.relay import Relay
from gateway.relay.watchdog import WatchdogOptions
from providers.dialects.types import FailureKind
from tests.gateway.relay.building import TOKEN, bench
from tests.gateway.relay.scripted import (
    ASK,
    DELTA,
    FINISHED,
    MESSAGE,
    STARTED,
    STREAMED,
    Body,
    Script,
    answer,
    refusal,
    stream,
)
from tokens.records import Limits, unrecorded

QUICK = WatchdogOptions(ping_seconds=0.02)


async def test_an_answer_passes_as_it_came() -> None:
    made = bench(Script(answer(200, MESSAGE, **{"x-vendor": "1", "anthropic-ratelimit-requests-limit": "9"})))
    exchange = await made.call()
    assert (made.status, made.body) == (200, json.dumps(MESSAGE).encode())
    headers = dict(made.sent[0]["headers"])
    assert headers[b"x-vendor"] == b"1" and headers[b"x-gateway-request-id"] == exchange.id.encode()
    assert b"anthropic-ratelimit-requests-limit" not in headers
    assert (exchange.usage.input_tokens, exchange.usage.output_tokens) == (3, 5)
    assert (exchange.token_id, exchange.account, exchange.status) == ("caller", "a0", 200)
    assert made.watching.data == made.body


async def test_whose_call_it_was_is_noted() -> None:
    made = bench(Script(answer()))
    team, org = Limits("group:2", "red"), Limits("group:1", "all")
    known = replace(unrecorded("caller", "", (1, 2**40)), person="ann@example.org", shared=(team, org))
    made.deps.registry.record = known
    exchange = await made.call()
    assert (exchange.person, exchange.group) == ("ann@example.org", "red")
    assert (exchange.group_ledger, exchange.parent_ledger) == ("group:2", "group:1")


async def test_the_callers_token_stays_here() -> None:
    made = bench(Script(answer()))
    await made.call(x_api_key=TOKEN)
    [request] = made.script.requests
    assert TOKEN.encode() not in b"".join(value for _, value in request.headers.raw)
    assert await request.aread() == json.dumps(ASK).encode()


async def test_an_error_passes_as_it_came() -> None:
    made = bench(Script(refusal(400, "invalid_request_error", "messages: required")))
    exchange = await made.call()
    assert made.status == 400 and json.loads(made.body)["error"]["message"] == "messages: required"
    assert (exchange.is_refusal, exchange.failure_kind) == (False, None)
    assert exchange.failure_message == "invalid_request_error: messages: required"


async def test_what_was_refused_before_another_account_served_is_not_kept() -> None:
    made = bench(Script(refusal(529, "overloaded_error"), answer()), accounts=2)
    exchange = await made.call()
    assert made.status == 200 and exchange.failure_message == ""


async def test_of_a_long_refusal_the_beginning_is_kept() -> None:
    made = bench(Script(refusal(400, "invalid_request_error", "x" * 2000)))
    assert len((await made.call()).failure_message) == 500


async def test_a_stream_passes_chunk_by_chunk() -> None:
    made = bench(Script(stream(STARTED, DELTA, FINISHED)))
    exchange = await made.call(STREAMED)
    assert made.body == STARTED + DELTA + FINISHED == made.watching.data
    assert [one["body"] for one in made.sent[1:]][:3] == [STARTED, DELTA, FINISHED]
    assert (exchange.usage.output_tokens, exchange.usage.is_estimated) == (5, False)


async def test_a_stream_that_is_cut_ends_with_an_error_and_an_estimate() -> None:
    made = bench(Script(stream(STARTED, DELTA, httpx.ReadError("gone"))))
    exchange = await made.call(STREAMED)
    assert made.status == 200 and made.body.startswith(STARTED + DELTA)
    assert b"event: error" in made.body[len(STARTED + DELTA) :] and not made.was_cut
    assert exchange.failure_kind is FailureKind.UPSTREAM
    assert exchange.usage.is_estimated and exchange.usage.input_tokens == 3


async def test_a_stream_that_just_stops_is_no_whole_answer() -> None:
    made = bench(Script(stream(STARTED, DELTA)))
    exchange = await made.call(STREAMED)
    assert b"event: error" in made.body and exchange.usage.is_estimated


async def test_a_whole_answer_that_is_cut_cuts_the_client() -> None:
    half = httpx.Response(
        200,
        headers={"content-type": "application/json"},
        stream=Body([b'{"id":"msg_1"}' * 40, httpx.ReadError("gone")]),
    )
    made = bench(Script(half))
    exchange = await made.call()
    assert made.was_cut and made.sent[-1].get("more_body") is True
    assert exchange.failure_kind is FailureKind.UPSTREAM


async def test_a_refusal_after_a_ping_becomes_an_event() -> None:
    async def late() -> httpx.Response:
        await made.has_sent.wait()
        return refusal(400, "invalid_request_error", "no")

    made = bench(Script(late), watchdog=QUICK)
    exchange = await made.call(STREAMED)
    assert made.status == 200 and made.body.startswith(b"event: ping")
    assert b"event: error" in made.body and b'"no"' in made.body
    assert (exchange.status, exchange.upstream_status) == (400, 400)


async def test_a_client_that_leaves_before_its_body_is_in_asks_nobody() -> None:
    made = bench(Script())
    made.left.set()
    exchange = await made.call()
    assert (exchange.status, exchange.attempts, made.sent) == (CLIENT_LEFT, 0, [])


async def test_a_body_that_comes_slowly_comes_whole() -> None:
    made = bench(Script(answer()), watchdog=QUICK)
    made.pieces = 4
    await made.call()
    assert made.status == 200 and await made.script.requests[0].aread() == json.dumps(ASK).encode()


async def test_a_client_that_leaves_while_it_waits_is_a_499_that_counts() -> None:
    async def never() -> httpx.Response:
        made.left.set()
        return await asyncio.get_running_loop().create_future()

    made = bench(Script(never), watchdog=WatchdogOptions(ping_seconds=0.04))
    exchange = await made.call()
    assert (exchange.status, exchange.is_sent, exchange.account) == (CLIENT_LEFT, True, "a0")
    assert exchange.usage.is_estimated and exchange.usage.input_tokens > 0


async def test_a_client_that_leaves_in_the_middle_is_a_499_and_an_estimate() -> None:
    class Endless(Body):
        async def __aiter__(self) -> Any:
            yield STARTED
            yield DELTA
            made.left.set()
            await asyncio.get_running_loop().create_future()

    endless = httpx.Response(200, headers={"content-type": "text/event-stream"}, stream=Endless([]))
    made = bench(Script(endless), watchdog=WatchdogOptions(ping_seconds=0.04))
    exchange = await made.call(STREAMED)
    assert (exchange.status, made.status) == (CLIENT_LEFT, 200)
    assert exchange.usage.is_estimated and exchange.usage.output_tokens > 0


async def test_an_upstream_that_does_not_begin_is_given_up() -> None:
    async def never() -> httpx.Response:
        return await asyncio.get_running_loop().create_future()

    made = bench(Script(never), watchdog=WatchdogOptions(first_byte_timeout_seconds=0.02))
    exchange = await made.call()
    assert (made.status, exchange.failure_kind) == (504, FailureKind.TIMEOUT)
    assert made.pool.states()[0].last_error


async def test_an_upstream_that_falls_silent_is_an_error_event() -> None:
    class Silent(Body):
        async def __aiter__(self) -> Any:
            yield STARTED
            await asyncio.get_running_loop().create_future()

    silent = httpx.Response(200, headers={"content-type": "text/event-stream"}, stream=Silent([]))
    made = bench(Script(silent), watchdog=WatchdogOptions(idle_timeout_seconds=0.02))
    exchange = await made.call(STREAMED)
    assert b"event: error" in made.body and exchange.failure_kind is FailureKind.TIMEOUT


@pytest.mark.parametrize(("token", "status"), [("nonsense", 401), (TOKEN, 404)])
async def test_an_unknown_path_is_told_to_those_who_have_a_token(token: str, status: int) -> None:
    made = bench(Script())
    exchange = await made.call(token=token, path=b"/v1/nothing")
    assert (made.status, exchange.is_refusal) == (status, True)


async def test_strangers_are_nobodys_record() -> None:
    made = bench(Script(answer()))
    await made.call(token="nonsense")
    assert (len(made.strangers.seen), len(made.sink.seen)) == (1, 0)
    await made.call()
    assert (len(made.strangers.seen), len(made.sink.seen)) == (1, 1)


async def test_a_body_beyond_the_limit_is_refused_before_anybody_is_asked() -> None:
    made = bench(Script(), options=RelayOptions(max_body_bytes=10))
    await made.call()
    assert made.status == 413


async def test_a_wrong_method_is_told_with_the_right_ones() -> None:
    made = bench(Script())

    async def send(message: Any) -> None:
        made.sent.append(message)

    request = Request("GET", b"/v1/messages", b"", (), "127.0.0.1")
    await made.relay.refuse(WrongMethod(("POST",)), request, send, send)  # type: ignore[arg-type]
    assert made.status == 405 and (b"allow", b"POST") in made.sent[0]["headers"]
    assert len(made.strangers.seen) == 1


async def test_the_context_never_changes_once_it_is_read() -> None:
    made = bench(Script(refusal(529), answer()), accounts=2)
    await made.call()
    first, second = made.watching.contexts
    assert first is second and len(first.attempts) == 2
    for before in made.watching.before:
        after = msgspec.structs.asdict(first)
        assert all(after[name] is value for name, value in before.items())
    with pytest.raises(AttributeError):
        first.call = first.call  # type: ignore[misc]


async def test_failures_are_told_first_and_only_failures() -> None:
    order: list[str] = []

    class Named:
        def __init__(self, name: str) -> None:
            self.name = name

        def concluded(self, exchange: Any) -> None:
            order.append(self.name)

    for step in (answer(), httpx.ReadError("x")):
        made = bench(Script(step))
        sinks = {"sinks": (made.sink, Named("all")), "failure_sinks": (Named("failed"),)}
        made.relay = Relay(replace(made.deps, **sinks))
        await made.call()
    assert order == ["all", "failed", "all"]


@pytest.mark.parametrize(
    ("surface", "headers", "told"),
    [
        ("messages", {}, []),
        ("messages", {"request-id": "up"}, [(b"request-id", b"up")]),
        ("chat_completions", {"request-id": "up"}, [(b"x-request-id", b"up")]),
        ("chat_completions", {}, [(b"x-request-id", None)]),
    ],
)
async def test_a_stream_has_the_id_that_its_client_looks_for(
    surface: str, headers: dict[str, str], told: list[Any]
) -> None:
    """The upstream's, else ours; a stream of the vendor's own passes as it came."""
    begun = stream(STARTED, DELTA, FINISHED)
    begun.headers.update(headers)
    made = bench(Script(begun))
    seen = await made.call(STREAMED, surface)
    names = (b"request-id", b"x-request-id")
    found = [pair for pair in made.sent[0]["headers"] if pair[0] in names]
    assert found == [(name, value or seen.id.encode()) for name, value in told]
