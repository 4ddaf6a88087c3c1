"""An upstream's answer, before anything of it has left."""

from collections.abc import AsyncIterator

import httpx
import pytest

from gateway import answers
from providers.dialects.types import FailureKind, WireAnswer


@pytest.mark.parametrize(
    ("kind", "is_stream"),
    [
        (b"text/event-stream", True),
        (b" Text/Event-Stream; charset=utf-8", True),
        (b"application/json", False),
        (None, False),
    ],
)
def test_a_stream_says_so(kind: bytes | None, is_stream: bool) -> None:
    headers = () if kind is None else ((b"content-type", kind),)
    assert answers.is_event_stream(headers) is is_stream


async def pieces(*sizes: int) -> AsyncIterator[bytes]:
    for size in sizes:
        yield b"x" * size


async def test_a_whole_answer_has_a_limit(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(answers, "MAX_BUFFERED_BYTES", 10)
    assert await answers.read_whole(pieces(4, 6)) == b"x" * 10
    with pytest.raises(httpx.RemoteProtocolError):
        await answers.read_whole(pieces(4, 6, 1))


def test_the_sooner_moment_takes_the_place_of_the_upstreams() -> None:
    head = WireAnswer(429, ((b"retry-after", b"900"), (b"retry-after-ms", b"900000"), (b"vary", b"a")))
    assert answers.with_retry_after(head, 0.2).headers == ((b"vary", b"a"), (b"retry-after", b"1"))
    assert answers.with_retry_after(head, 6.1).headers == ((b"vary", b"a"), (b"retry-after", b"7"))


@pytest.mark.parametrize(
    ("exc", "kind"),
    [
        (httpx.ConnectTimeout("late"), FailureKind.TIMEOUT),
        (httpx.ConnectError("http://10.0.0.1 refused"), FailureKind.UPSTREAM),
        (httpx.RemoteProtocolError("the answer was cut"), FailureKind.UPSTREAM),
    ],
)
def test_a_call_without_an_answer_is_told_why(exc: httpx.TransportError, kind: FailureKind) -> None:
    failure = answers.failure_of(exc)
    assert failure.kind is kind
    assert "10.0.0.1" not in failure.message
