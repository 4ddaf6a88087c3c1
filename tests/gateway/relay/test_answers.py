"""An upstream that does not answer, and what may be asked again."""

import httpx
import pytest

from gateway.relay import answers
from providers.dialects.types import FailureKind, WireAnswer


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


@pytest.mark.parametrize(
    ("exc", "method", "status", "is_taken"),
    [
        (httpx.ReadError("x"), "POST", None, True),
        (httpx.RemoteProtocolError("x"), "POST", None, True),
        (httpx.RemoteProtocolError("x"), "POST", 200, True),
        (httpx.RemoteProtocolError("x"), "POST", 529, False),
        (httpx.ReadError("x"), "GET", None, False),
        (httpx.ReadError("x"), "HEAD", 200, False),
        (httpx.ReadError("x"), "DELETE", None, True),
        *[(never("x"), "POST", None, False) for never in answers.NEVER_SENT],
    ],
)
def test_what_the_upstream_may_have_is_asked_of_nobody_else(
    exc: httpx.TransportError, method: str, status: int | None, is_taken: bool
) -> None:
    assert answers.is_taken(exc, method, status) is is_taken
