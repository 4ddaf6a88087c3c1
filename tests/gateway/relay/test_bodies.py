"""Compressed bodies: decoded where something in them must be known, else passed; unreadable ones go nowhere."""

from __future__ import annotations

import gzip
import zlib
from dataclasses import replace

import pytest

from accounts.pool.pool import Pool, PoolOptions
from gateway.exchange.context import CallContext
from gateway.relay import bodies
from gateway.relay.bodies import Bodies
from providers.catalog.catalog import Catalog
from providers.catalog.records import ANTHROPIC, OPENAI_COMPATIBLE, ProviderRecord
from providers.catalog.store import Boot
from providers.dialects.types import FailureKind, Headers, Refused
from tests.gateway.usage import contexts
from tokens.records import Limits

CLAUDE = ProviderRecord(ANTHROPIC, ANTHROPIC, "https://a")
OTHER = ProviderRecord("other", OPENAI_COMPATIBLE, "https://o", models=("gpt-x",))
ONE, TWO = Boot(CLAUDE), Boot(CLAUDE, kind=OPENAI_COMPATIBLE, openai=OTHER)
FREE = contexts.token(Limits("t"))
LIMIT = 1 << 20
BODY = contexts.BODY


def made(boot: Boot = TWO, limit: int = LIMIT) -> Bodies:
    return Bodies(Catalog(boot, lambda name: True), Pool(PoolOptions()), limit)


def coded(coding: bytes) -> Headers:
    return ((b"content-type", b"application/json"), (b"content-encoding", coding))


def on(surface: str) -> CallContext:
    return contexts.context(surface)


async def test_a_plain_body_is_not_touched() -> None:
    for headers in ((), coded(b"identity")):
        told, kept = await made().plain(on("messages"), FREE, BODY, headers)
        assert told is BODY and kept is headers


@pytest.mark.parametrize(
    "surface", ["messages", "count_tokens", "chat_completions", "responses", "bedrock", "vertex"]
)
async def test_it_is_decoded_where_it_must_be_read(surface: str) -> None:
    told = await made().plain(on(surface), FREE, gzip.compress(BODY), coded(b"gzip"))
    assert told == (BODY, ((b"content-type", b"application/json"),))


async def test_it_passes_where_one_provider_alone_could_serve_it() -> None:
    body, headers = gzip.compress(BODY), coded(b"gzip")
    for coding in (b"gzip", b"made-up"):
        headers = coded(coding)
        assert await made(ONE).plain(on("messages"), FREE, body, headers) == (body, headers)
    assert (await made(ONE).plain(on("bedrock"), FREE, body, coded(b"gzip")))[0] == BODY
    assert (await made(ONE).plain(on("chat_completions"), FREE, body, coded(b"gzip")))[0] == BODY


@pytest.mark.parametrize(
    "own",
    [Limits("t", input_tokens_per_minute=9), Limits("t", budget=1), Limits("t", output_tokens_per_minute=9)],
)
async def test_a_limit_that_counts_needs_it(own: Limits) -> None:
    limited = contexts.token(own)
    assert (await made(ONE).plain(on("messages"), limited, gzip.compress(BODY), coded(b"gzip")))[0] == BODY
    counting = contexts.token(Limits("t", requests_per_minute=9))
    assert (await made(ONE).plain(on("messages"), counting, body := gzip.compress(BODY), coded(b"gzip")))[
        0
    ] is body


async def test_a_list_of_models_needs_it() -> None:
    told = await made(ONE).plain(
        on("messages"),
        contexts.token(Limits("t", allowed_models=("claude-*",))),
        gzip.compress(BODY),
        coded(b"gzip"),
    )
    assert told[0] == BODY


async def refusal(reading: Bodies, body: bytes, coding: bytes) -> FailureKind:
    with pytest.raises(Refused) as refused:
        await reading.plain(on("messages"), FREE, body, coded(coding))
    return refused.value.failure.kind


async def test_what_cannot_be_decoded_is_refused() -> None:
    assert await refusal(made(), BODY, b"made-up") is FailureKind.MEDIA_TYPE
    assert await refusal(made(), BODY, b"gzip, gzip, gzip, gzip") is FailureKind.MEDIA_TYPE
    assert await refusal(made(), BODY, b"gzip") is FailureKind.INVALID_REQUEST
    assert await refusal(made(), gzip.compress(BODY)[:-9], b"gzip") is FailureKind.INVALID_REQUEST
    assert await refusal(made(), zlib.compress(b" " * (1 << 26)), b"deflate") is FailureKind.TOO_LARGE


async def test_exactly_the_limit_passes() -> None:
    body = b" " * LIMIT  # over what is decoded on the event loop
    assert LIMIT > bodies.QUICK_DECODED_BYTES
    told, _ = await made().plain(on("messages"), FREE, gzip.compress(body), coded(b"gzip"))
    assert told == body
    assert await refusal(made(limit=LIMIT - 1), gzip.compress(body), b"gzip") is FailureKind.TOO_LARGE
    assert await refusal(made(limit=9), gzip.compress(body), b"gzip") is FailureKind.TOO_LARGE


async def test_decoded_bodies_are_bounded_together_and_given_back() -> None:
    reading, body = made(), gzip.compress(b" " * LIMIT)
    held = [on("messages") for _ in range(bodies.HELD_BODIES)]
    for context in held:
        await reading.plain(context, FREE, body, coded(b"gzip"))
    assert await refusal(reading, body, b"gzip") is FailureKind.UNAVAILABLE
    for context in held:
        reading.release(context)
        reading.release(context)
    assert reading.held == 0


async def test_a_body_that_names_no_provider_goes_nowhere() -> None:
    for surface in ("messages", "chat_completions", "responses", "count_tokens"):
        with pytest.raises(Refused) as refused:
            made().check(on(surface), FREE)
        assert refused.value.failure.kind is FailureKind.INVALID_REQUEST
    made(ONE).check(on("messages"), FREE)
    made().check(on("messages"), replace(FREE, provider=ANTHROPIC))
    made().check(on("openai_forward"), FREE)  # a form
