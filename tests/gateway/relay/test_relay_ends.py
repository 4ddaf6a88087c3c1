"""What holds at the end of every call: settled, told to taps and pool, closed, and nobody else's business any more."""

from __future__ import annotations

import asyncio
import gzip
import json
import time
from dataclasses import replace
from typing import Any

import httpx
import pytest

from gateway.exchange.downstream import Interruption, Message, State
from gateway.exchange.exchange import CLIENT_LEFT
from gateway.relay.bodies import HELD_BODIES
from gateway.relay.deps import RelayOptions
from gateway.relay.relay import Relay
from gateway.relay.watchdog import Watchdog, WatchdogOptions
from gateway.usage import balances
from tests.accounts.building import key_loaded
from tests.gateway.relay.building import KEY, OPENAI, Bench, Recordless, bench
from tests.gateway.relay.scripted import (
    ASK,
    DELTA,
    MESSAGE,
    STARTED,
    STREAMED,
    Script,
    answer,
    event,
    refusal,
    stream,
)
from tokens.limits import ledger
from tokens.records import Limits, TokenRecord

SECRET = "sk-ant-api03-" + "canary" * 12
OVERLOADED = event("error", error={"type": "overloaded_error", "message": "Overloaded"})


class Limiting(Recordless):
    """Gives every token these limits."""

    def __init__(self, own: Limits) -> None:
        super().__init__(KEY, accept_unrecorded=True)
        self.own = own

    def authenticate(self, secret: str, now: float) -> TokenRecord:
        return replace(super().authenticate(secret, now), own=self.own)


def limited(script: Script, own: Limits, **more: Any) -> Bench:
    made = bench(script, **more)
    made.deps = replace(made.deps, registry=Limiting(own))
    made.relay = Relay(made.deps)
    return made


@pytest.fixture
def unspent(monkeypatch: pytest.MonkeyPatch) -> None:
    """Nothing has been recorded of anybody."""
    monkeypatch.setattr(balances, "read", lambda *given: ledger.Balance())


async def used(made: Bench, own: Limits) -> ledger.State:
    [found] = await made.deps.meter.ledger.states((own,), time.time())
    return found


@pytest.mark.parametrize(
    "step", [answer(), refusal(400), httpx.ReadError("gone"), httpx.ConnectError("no")], ids=repr
)
async def test_what_was_reserved_is_settled_whatever_the_end(step: Any, unspent: None) -> None:
    own = Limits("caller", max_parallel_requests=1, output_tokens_per_minute=1000)
    made = limited(Script(step), own)
    await made.call()
    found = await used(made, own)
    was_served = isinstance(step, httpx.Response) and step.status_code == 200
    assert (found.parallel, found.minute_output) == (0, 5 if was_served else 0)


async def test_a_call_beyond_its_limit_asks_nobody(unspent: None) -> None:
    own = Limits("caller", output_tokens_per_minute=5)
    made = limited(Script(), own)
    await made.call()
    assert made.status == 429 and not made.script.requests


async def test_nothing_interrupts_a_call_that_is_over() -> None:
    made = bench(Script(answer()))
    await made.call()
    downstream = made.watching.contexts[0].downstream
    assert downstream.state is State.CLOSED
    downstream.interrupt(Interruption.IDLE)
    await asyncio.sleep(0)  # where this task would be cancelled
    assert downstream.interruption is None


async def test_decoded_bodies_are_given_back() -> None:
    ask = json.dumps({**ASK, "model": "claude-x"}).encode()
    body = gzip.compress(ask + b" " * (2000 - len(ask)))
    count = HELD_BODIES + 2
    made = bench(Script(*(answer() for _ in range(count))), options=RelayOptions(max_body_bytes=2000))
    for _ in range(count):
        await made.call(body, surface="chat_completions", content_encoding="gzip")
        assert made.status == 200


async def test_a_body_that_nobody_can_read_asks_nobody_where_several_could_be_meant() -> None:
    made = bench(Script(), providers=[replace(OPENAI, models=("gpt-x",))])
    await made.call(b"{nonsense")
    assert made.status == 400 and not made.script.requests


async def test_a_surface_that_the_token_may_not_use_asks_nobody() -> None:
    made = limited(Script(), Limits("caller", allowed_surfaces=("responses",)))
    await made.call()
    assert made.status == 403


async def test_a_tap_sees_what_comes_only_at_the_end() -> None:
    last = event("message_delta", delta={"stop_reason": "end_turn"}, usage={"output_tokens": 5})
    stop = b'event: message_stop\ndata: {"type":"message_stop"}'  # without its blank line
    made = bench(Script(stream(STARTED, DELTA, last, stop)))
    await made.call({**STREAMED, "model": "claude-x"}, surface="chat_completions")
    assert made.body.endswith(b"data: [DONE]\n\n") and made.watching.data == made.body


@pytest.mark.parametrize("end", [(), (httpx.ReadError("gone"),)], ids=["ended", "cut"])
async def test_of_an_event_that_was_torn_nothing_leaves_but_an_error_after_it(end: Any) -> None:
    made = bench(Script(stream(STARTED, b"event: message_stop\ndata: {", *end)))
    await made.call(STREAMED)
    assert made.body.startswith(STARTED + b"event: error\n") and b"message_stop" not in made.body


@pytest.mark.parametrize("end", [OVERLOADED, httpx.ReadError("gone")], ids=["told", "cut"])
async def test_a_failure_after_the_beginning_is_held_against_it_and_asks_nobody_else(end: Any) -> None:
    made = bench(Script(stream(STARTED, DELTA, end)), accounts=2)
    exchange = await made.call(STREAMED)
    assert (made.status, exchange.attempts, len(made.script.requests)) == (200, 1, 1)
    assert made.pool.states()[0].last_error


async def test_a_drain_is_nobodys_fault() -> None:
    async def never() -> httpx.Response:
        return await asyncio.get_running_loop().create_future()

    made = bench(Script(never))
    made.deps = replace(made.deps, watchdog=Watchdog(WatchdogOptions(ping_seconds=0.04), lambda: True))
    made.relay = Relay(made.deps)
    exchange = await made.call()
    assert exchange.status == 503 and not made.pool.states()[0].last_error


async def test_a_client_that_takes_nothing_is_cut() -> None:
    made = bench(Script(stream(STARTED, DELTA)), watchdog=WatchdogOptions(send_timeout_seconds=0.02))

    async def send(message: Message) -> None:
        made.sent.append(message)
        if message["type"] == "http.response.body":
            await asyncio.get_running_loop().create_future()

    made.send = send
    exchange = await made.call(STREAMED)
    assert exchange.status == CLIENT_LEFT and made.was_cut


async def test_an_error_at_the_very_end_says_nothing_more() -> None:
    made = bench(Script(answer()))

    async def send(message: Message) -> None:
        made.sent.append(message)
        if not message.get("more_body", True):
            raise RuntimeError("the server is gone")

    made.send = send
    exchange = await made.call()
    assert exchange.status == 200 and not made.was_cut
    assert [one.get("more_body") for one in made.sent][-1] is False


async def test_a_whole_answer_that_tells_of_no_output_is_no_estimate() -> None:
    made = bench(Script(answer(200, {**MESSAGE, "usage": {"input_tokens": 3, "output_tokens": 0}})))
    exchange = await made.call()
    assert exchange.usage.output_tokens == 0 and not exchange.usage.is_estimated


async def test_a_vendor_that_quotes_our_key_is_not_believed_aloud() -> None:
    quoting = event("error", error={"type": "api_error", "message": f"wrong key {SECRET}"})
    made = bench(Script(answer(200, MESSAGE, **{"x-echo": SECRET}), stream(STARTED, quoting)))
    made.pool.states()[0].loaded = key_loaded(SECRET)
    await made.call()
    assert SECRET.encode() not in b"".join(value for _, value in made.sent[0]["headers"])
    await made.call(STREAMED)
    assert b"event: error" in made.body and SECRET.encode() not in made.body


async def test_an_expired_pair_that_cannot_be_renewed_is_given_back() -> None:
    made = bench(Script(answer()), accounts=2)
    first = made.pool.states()[0]
    credential = first.loaded.credential
    assert credential is not None
    first.loaded = replace(first.loaded, credential=replace(credential, expires_at=1.0), has_refresh=True)
    exchange = await made.call()
    assert (made.status, exchange.account, exchange.attempts) == (200, "a1", 1)


async def test_an_account_is_given_back_when_renewing_fails(monkeypatch: pytest.MonkeyPatch) -> None:
    async def refresh(lease: object) -> bool:
        raise RuntimeError("a defect")

    made = bench(Script())
    first = made.pool.states()[0]
    credential = first.loaded.credential
    assert credential is not None
    first.loaded = replace(first.loaded, credential=replace(credential, expires_at=1.0), has_refresh=True)
    monkeypatch.setattr(made.pool, "refresh", refresh)
    await made.call()
    assert made.status == 500
