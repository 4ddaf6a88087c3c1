"""The request log on a call's way: only where the token or chance says so."""

from __future__ import annotations

import json
from dataclasses import replace

from gateway.relay.relay import Relay
from gateway.usage.requestlog.taps import RequestLog
from tests.gateway.relay.building import Bench, bench
from tests.gateway.relay.scripted import (
    ASK,
    DELTA,
    FINISHED,
    MESSAGE,
    STARTED,
    STREAMED,
    Script,
    answer,
    refusal,
    stream,
)
from tokens.records import unrecorded


def logging(script: Script, percent: int = 0, accounts: int = 1) -> tuple[Bench, RequestLog]:
    made, log = bench(script, accounts=accounts), RequestLog(percent)
    made.relay = Relay(replace(made.deps, log=log))
    return made, log


async def test_calls_are_not_kept_unless_somebody_says_so() -> None:
    made, log = logging(Script(answer()))
    await made.call()
    assert log.entries == {}


async def test_a_token_s_calls_are_kept_with_the_answer_of_who_served() -> None:
    made, log = logging(Script(refusal(529, "overloaded_error"), answer()), accounts=2)
    made.deps.registry.record = replace(unrecorded("caller", "", (1, 2**40)), logs_requests=True)
    exchange = await made.call()
    ((_, entry),) = log.taken([exchange.id])
    assert (json.loads(entry.request), json.loads(entry.answer)) == (ASK, MESSAGE)


async def test_chance_keeps_streams_too() -> None:
    made, log = logging(Script(stream(STARTED, DELTA, FINISHED)), percent=100)
    exchange = await made.call(STREAMED)
    ((_, entry),) = log.taken([exchange.id])
    assert bytes(entry.answer) == made.body
