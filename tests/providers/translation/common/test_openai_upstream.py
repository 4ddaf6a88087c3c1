from __future__ import annotations

import json

import pytest

from providers.dialects.types import Failure, FailureKind, Refused, Target, Truncated, Usage, WireAnswer
from providers.translation.common.openai_upstream import is_event_stream, read_object, refuse, request_to
from tests.providers.translation.openai_exchanges import (
    NOW,
    PAIRS,
    PlainSealer,
    call_of,
    counting_ids,
    translator,
)

CALLS = {
    "messages": {
        "model": "m",
        "max_tokens": 9,
        "messages": [{"role": "user", "content": "x"}],
        "stream": True,
    },
    "responses": {"model": "m", "input": "x", "stream": True},
    "chat": {"model": "m", "messages": [{"role": "user", "content": "x"}], "stream": True},
}
CUT = Failure(FailureKind.UPSTREAM, "cut")


def test_only_objects_are_bodies() -> None:
    assert read_object(b'{"a": 1}') == {"a": 1}
    for raw in (b"", b"[]", b"nonsense"):
        with pytest.raises(Refused):
            read_object(raw)
    assert refuse("n: no", "n").failure == Failure(FailureKind.INVALID_REQUEST, "n: no", param="n")


def test_a_request_says_what_it_wants() -> None:
    request = request_to(b"/v1/x", {"stream": True})
    assert (request.method, request.path, request.query) == ("POST", b"/v1/x", b"")
    assert dict(request.headers) == {
        b"content-type": b"application/json",
        b"accept": b"text/event-stream",
        b"accept-encoding": b"identity",
    }
    assert dict(request_to(b"/v1/x", {}).headers)[b"accept"] == b"application/json"


def test_streams_are_known_by_their_type() -> None:
    assert is_event_stream(((b"content-type", b"Text/Event-Stream; charset=utf-8"),))
    assert not is_event_stream(((b"content-type", b"application/json"),)) and not is_event_stream(())


@pytest.mark.parametrize("pair", PAIRS)
def test_every_pair_takes_the_same_course(pair: str) -> None:
    """Check head, ping, nonsense and end: nothing comes after an error, and a cut is told."""
    call = CALLS[pair.split("_over_")[0]]
    made = translator(pair, call)
    head = WireAnswer(
        200, ((b"content-type", b"text/event-stream"), (b"x-other", b"1"), (b"x-should-retry", b"false"))
    )
    assert made.response(head).headers == (
        (b"content-type", b"text/event-stream; charset=utf-8"),
        (b"x-should-retry", b"false"),
    )
    assert made.keepalive() and made.feed(b": comment\n\n") == b"" and made.feed(b"") == b""
    told = made.feed(b"data: <html>\n\n")
    assert told and made.failure is not None and made.failure.kind is FailureKind.UPSTREAM
    assert made.feed(b"data: {}\n\n") == made.finish() == made.fail(CUT) == made.keepalive() == b""

    empty = translator(pair, call)
    with pytest.raises(Truncated):
        empty.finish()
    assert empty.fail(CUT) and empty.failure is None


@pytest.mark.parametrize("pair", PAIRS)
def test_an_endless_event_ends_the_stream(pair: str) -> None:
    made = translator(pair, CALLS[pair.split("_over_")[0]])
    assert made.feed(b"data: " + b"x" * (17 * 1024 * 1024)) and made.failure is not None


@pytest.mark.parametrize("pair", PAIRS)
def test_errors_in_the_caller_s_dialect(pair: str) -> None:
    answer = translator(pair, CALLS[pair.split("_over_")[0]]).response(
        WireAnswer(
            429,
            ((b"retry-after-ms", b"20"),),
            b'{"error": {"message": "slow", "code": "rate_limit_exceeded"}}',
        )
    )
    assert answer.status == 429 and (b"retry-after-ms", b"20") in answer.headers
    told = json.loads(answer.body)
    assert told["error"]["message"] == "slow" and ("type" in told) is pair.startswith("messages")


@pytest.mark.parametrize("pair", PAIRS)
def test_a_request_can_be_made_again(pair: str) -> None:
    made = PAIRS[pair](counting_ids(), NOW, PlainSealer())
    call = call_of(CALLS[pair.split("_over_")[0]])
    assert made.request(call, Target("a")) == made.request(call, Target("a"))
    assert json.loads(made.request(call, Target("b")).body)["model"] == "b"


@pytest.mark.parametrize("pair", PAIRS)
def test_a_client_that_leaves_early_is_billed_for_what_was_seen(pair: str) -> None:
    """Bill nothing before the upstream's first word; then an estimate, until the upstream tells."""
    made = translator(pair, CALLS[pair.split("_over_")[0]])
    made.keepalive()
    assert made.usage == Usage() and made.model is None
    if pair.endswith("chat"):
        first = {"model": "served", "choices": [{"index": 0, "delta": {"content": "eight ch"}}]}
    else:
        first = {
            "type": "response.output_text.delta",
            "output_index": 0,
            "content_index": 0,
            "delta": "eight ch",
        }
    made.feed(b"data: " + json.dumps(first).encode() + b"\n\n")
    assert made.usage.is_estimated and made.usage.input_tokens > 0 and made.usage.output_tokens == 2
    assert made.model == ("served" if pair.endswith("chat") else None)
