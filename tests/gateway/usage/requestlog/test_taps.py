"""What is gathered of a call, and of which."""

from __future__ import annotations

from dataclasses import replace

import msgspec
from uuid_utils import uuid7

from gateway.exchange.context import CallContext
from gateway.usage.requestlog.taps import MARGIN, MOST_BYTES, STREAM_FACTOR, RequestLog, is_chosen
from providers.dialects.types import WireAnswer
from tests.gateway.usage.contexts import BODY, context


def call(logs: bool = True) -> CallContext:
    made = context()
    made.exchange.id = str(uuid7())
    return msgspec.structs.replace(made, token=replace(made.token, logs_requests=logs))


async def test_a_token_that_asks_for_it_is_kept_and_no_other() -> None:
    log = RequestLog(0, 100)
    wanted, other = call(), call(logs=False)
    assert log.tap(other) is None
    tap = log.tap(wanted)
    assert tap is not None
    await tap.answered(WireAnswer(200, (), b"the answer"))
    ((name, entry),) = log.taken([other.exchange.id, wanted.exchange.id])
    assert (name, entry.request, bytes(entry.answer)) == (wanted.exchange.id, BODY, b"the answer")
    assert log.entries == {} and log.taken([name]) == []


async def test_of_several_attempts_the_last_counts_and_sizes_are_bounded() -> None:
    log, wanted = RequestLog(0, 10), call()
    first, second = log.tap(wanted), log.tap(wanted)
    assert first is not None and second is not None
    await first.fed(b"lost")
    for _ in range(3):
        await second.fed(b"x" * (10 * STREAM_FACTOR + MARGIN))
    ((_, entry),) = log.taken([wanted.exchange.id])
    assert len(entry.answer) == 10 * STREAM_FACTOR + MARGIN and entry.answer_size == 3 * len(entry.answer)
    assert entry.request_size == len(BODY)


async def test_the_oldest_go_when_there_are_too_many() -> None:
    log = RequestLog(100, MOST_BYTES)
    calls = [call() for _ in range(20)]
    for each in calls:
        assert log.tap(each) is not None
    assert list(log.entries) == [each.exchange.id for each in calls[-16:]]


async def test_chance_is_the_same_for_all_attempts_of_a_call() -> None:
    low, high = "01a22b15-d3cb-753f-9dc2-192d00000000", "01a22b15-d3cb-753f-9dc2-192dffffffff"
    assert not is_chosen(low, 0) and is_chosen(low, 1) and is_chosen(high, 100) and not is_chosen(high, 99)
    assert RequestLog(100).tap(call(logs=False)) is not None
