"""What vendors would send, in their dialects."""

from __future__ import annotations

import asyncio
import json

import httpx
import pytest

from gateway.runtime import faults
from providers.dialects.types import WireRequest

ASKS = WireRequest("POST", b"/v1/messages", b"", (), b'{"model": "m", "stream": true}')
WHOLE = WireRequest("POST", b"/v1/messages", b"", (), b'{"model": "m"}')


def read(answer: httpx.Response) -> tuple[bytes, bool]:
    """The body, and whether the connection broke."""

    async def all_of_it() -> tuple[bytes, bool]:
        found = b""
        try:
            async for piece in answer.stream:  # type: ignore[union-attr]
                found += piece
        except httpx.RemoteProtocolError:
            return found, True
        return found, False

    return asyncio.run(all_of_it())


@pytest.mark.parametrize(
    ("dialect", "fault", "status", "word"),
    [
        ("anthropic", "429", 429, b"rate_limit_error"),
        ("anthropic", "529", 529, b"overloaded_error"),
        ("anthropic", "500", 500, b"api_error"),
        ("openai_chat", "429", 429, b"rate_limit"),
        ("openai_chat", "529", 503, b"error"),
        ("openai_responses", "500", 500, b"error"),
        ("bedrock", "429", 429, b"message"),
    ],
)
def test_refusals(dialect: str, fault: str, status: int, word: bytes) -> None:
    answer = faults.answer(fault, dialect, ASKS, asyncio.Event())
    body, is_broken = read(answer)
    assert answer.status_code == status and word in body and not is_broken and json.loads(body)
    assert (answer.headers.get("retry-after") == "20") is (fault == "429")


@pytest.mark.parametrize("dialect", ["anthropic", "openai_chat", "openai_responses", "bedrock", "vertex"])
def test_a_cut_comes_after_some_content(dialect: str) -> None:
    answer = faults.answer("cut", dialect, ASKS, asyncio.Event())
    body, is_broken = read(answer)
    assert answer.status_code == 200 and is_broken and body
    assert (faults.TEXT.encode() in body) is (dialect != "bedrock")
    whole, is_broken = read(faults.answer("cut", dialect, WHOLE, asyncio.Event()))
    assert is_broken and whole.startswith(b"{")


def test_a_stall_waits_for_the_end() -> None:
    ended = asyncio.Event()
    ended.set()
    assert read(faults.answer("stall", "anthropic", ASKS, ended)) == (b"", True)


def test_who_asks_for_a_stream() -> None:
    assert faults.asks_for_stream(ASKS) and not faults.asks_for_stream(WHOLE)
    assert faults.asks_for_stream(
        WireRequest("POST", b"/model/m/invoke-with-response-stream", b"", (), b"{}")
    )
    assert not faults.asks_for_stream(WireRequest("GET", b"/v1/models", b"", (), b""))
    assert not faults.asks_for_stream(WireRequest("POST", b"/v1/x", b"", (), b"[]"))


@pytest.mark.parametrize(
    ("path", "dialect"),
    [
        (b"/model/us.anthropic.claude/invoke-with-response-stream", "bedrock"),
        (b"/base/model/m/invoke", "bedrock"),
        (b"/anthropic/v1/messages", "anthropic"),
        (b"/v1/projects/p/models/m:streamRawPredict", "anthropic"),
    ],
)
def test_frames_are_for_who_asks_for_frames(path: bytes, dialect: str) -> None:
    assert faults.dialect_of(WireRequest("POST", path, b"", (), b"{}"), "anthropic") == dialect
