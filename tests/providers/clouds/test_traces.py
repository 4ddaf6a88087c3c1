"""What a guardrail traced names no account, in whole answers and in events, however they are cut."""

from __future__ import annotations

from collections.abc import AsyncIterator

import httpx
import orjson
import pytest

from providers.clouds.traces import TracedEvents, without_ids

ARN = "arn:aws:bedrock:eu-central-1:123456789012:guardrail/abc"
TRACED = {"type": "message_delta", "amazon-bedrock-trace": {"guardrail": [{"arn": ARN, "n": 1}]}}
CLEAN = {"type": "message_delta", "amazon-bedrock-trace": {"guardrail": [{"arn": "…", "n": 1}]}}


class Body(httpx.AsyncByteStream):
    """Pieces of an answer."""

    def __init__(self, pieces: list[bytes]) -> None:
        self._pieces, self.is_closed = pieces, False

    async def __aiter__(self) -> AsyncIterator[bytes]:
        for piece in self._pieces:
            yield piece

    async def aclose(self) -> None:
        self.is_closed = True


def test_a_whole_answer() -> None:
    assert orjson.loads(without_ids(orjson.dumps(TRACED))) == CLEAN
    metrics = {"id": "m", "amazon-bedrock-invocationMetrics": {"inputTokenCount": 1}}
    assert orjson.loads(without_ids(orjson.dumps(metrics))) == {"id": "m"}


@pytest.mark.parametrize(
    "data", [b"", b"[1]", b'{"a":  1}', b'no "amazon-bedrock-trace"', b'["amazon-bedrock-x"]']
)
def test_what_is_nothing_of_the_kind_stays_as_it_is(data: bytes) -> None:
    assert without_ids(data) == data


@pytest.mark.parametrize("size", [1, 7, 60, 10_000])
async def test_events_in_any_pieces(size: int) -> None:
    other = b'event: content_block_delta\ndata: {"type":"content_block_delta","index":0}\n\n'
    data = other + b"event: message_delta\ndata: " + orjson.dumps(TRACED) + b"\n\n: ping\n\n" + other
    body = Body([data[at : at + size] for at in range(0, len(data), size)])
    events = TracedEvents(body)
    out = b"".join([piece async for piece in events])
    assert out == data.replace(orjson.dumps(TRACED), orjson.dumps(CLEAN))
    await events.aclose()
    assert body.is_closed


async def test_an_event_that_was_cut_is_told_as_it_came() -> None:
    data = b'event: message_delta\ndata: {"type":"mess'
    assert [piece async for piece in TracedEvents(Body([data]))] == [data]


async def test_an_endless_event_ends_the_stream(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("providers.clouds.traces.MAX_EVENT_BYTES", 10)
    with pytest.raises(httpx.RemoteProtocolError):
        [piece async for piece in TracedEvents(Body([b"data: 0123456789"]))]
