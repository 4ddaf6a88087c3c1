from __future__ import annotations

import json

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from providers.dialects.chat_totals import StreamTotals
from providers.dialects.openai_chat import (
    asks_for_stream,
    decode_chunk,
    read_call,
    read_totals,
    stream_error,
    usage_from,
    usage_object,
)
from providers.dialects.types import UNREAD, CallFields, Failure, FailureKind, Usage


def test_the_road_s_fields() -> None:
    body = {
        "model": "m",
        "stream": True,
        "max_tokens": 5,
        "max_completion_tokens": 7,
        "safety_identifier": "u",
        "prompt_cache_key": "k",
    }
    assert read_call(json.dumps(body).encode()) == CallFields("m", True, 7, "u", "k")


def test_older_spellings() -> None:
    fields = read_call(b'{"model": "m", "max_tokens": 5, "max_completion_tokens": null, "user": "u"}')
    assert (fields.max_tokens, fields.user_id, fields.stream) == (5, "u", False)


@pytest.mark.parametrize("body", [b"", b"[]", b'"x"', b"{", b'{"a":' + b"[" * 100_000])
def test_what_is_no_object_is_unreadable(body: bytes) -> None:
    assert read_call(body) == CallFields(is_readable=False)


@settings(deadline=None)
@given(
    st.dictionaries(
        st.sampled_from(["model", "stream", "max_tokens", "user"]), st.none() | st.lists(st.text())
    )
)
def test_wrong_types_are_absent(body: dict[str, object]) -> None:
    assert read_call(json.dumps(body).encode()) == CallFields()


def test_a_truth_is_not_a_count() -> None:
    assert read_call(b'{"max_tokens": true, "stream": 1}') == CallFields()
    assert [read_call(b'{"n": %b}' % n).choices for n in (b"3", b"0", b"-1", b'"x"', b"true")] == [
        3,
        1,
        1,
        1,
        1,
    ]


@pytest.mark.parametrize(
    ("query", "asks"),
    [
        (b"stream=true", True),
        (b"a=b&stream=1", True),
        (b"stream=false", False),
        (b"", False),
        (b"xstream=1", False),
    ],
)
def test_a_query_may_ask_for_a_stream(query: bytes, asks: bool) -> None:
    assert asks_for_stream(query) is asks


def test_cached_tokens_are_not_input_tokens() -> None:
    usage = usage_from(
        {
            "prompt_tokens": 100,
            "completion_tokens": 9,
            "prompt_tokens_details": {"cached_tokens": 60, "cache_write_tokens": 10},
        }
    )
    assert usage == Usage(input_tokens=30, cache_read_tokens=60, cache_write_5m_tokens=10, output_tokens=9)


@pytest.mark.parametrize("odd", [None, [], "x", 7])
def test_no_usage(odd: object) -> None:
    assert usage_from(odd) is None


def test_odd_counts_never_go_below_zero() -> None:
    odd = {"prompt_tokens": 5, "completion_tokens": -3, "prompt_tokens_details": {"cached_tokens": 9}}
    assert usage_from(odd) == Usage(cache_read_tokens=9)
    assert usage_from(
        {"prompt_tokens": 5.0, "completion_tokens": None, "prompt_tokens_details": None}
    ) == Usage(5)


@settings(deadline=None)
@given(st.builds(Usage, *[st.integers(0, 10**9)] * 3, st.just(0), st.integers(0, 10**9)))
def test_usage_comes_back_as_it_was_written(usage: Usage) -> None:
    written = usage_object(usage, reasoning=3)
    assert usage_from(written) == usage
    assert written["total_tokens"] == written["prompt_tokens"] + written["completion_tokens"]


def test_totals_of_a_whole_answer() -> None:
    assert read_totals(b'{"model": "m", "usage": {"prompt_tokens": 2}, "choices": [{}]}') == ("m", Usage(2))
    assert read_totals(b"nonsense") == (None, UNREAD)


def test_a_chunk_that_is_none_raises() -> None:
    with pytest.raises(ValueError):
        decode_chunk(b"<html>")


@pytest.mark.parametrize(
    ("raw", "text"),
    [
        (rb"a\ud83d", "a\ufffd"),
        (rb"\ude00b", "\ufffdb"),
        (rb"\ud83d\ude00", "\U0001f600"),
        (rb"\uD83Dx", "\ufffdx"),
    ],
)
def test_half_a_character_does_not_end_the_stream(raw: bytes, text: str) -> None:
    (choice,) = (
        decode_chunk(b'{"choices": [{"index": 0, "delta": {"content": "' + raw + b'"}}]}').choices or []
    )
    assert choice.delta is not None and choice.delta.content == text


def watched(*chunks: object) -> StreamTotals:
    totals = StreamTotals()
    for chunk in chunks:
        totals.see(b"", chunk.encode() if isinstance(chunk, str) else json.dumps(chunk).encode())
    return totals


TEXT = {
    "model": "m",
    "choices": [{"delta": {"content": 'say "usage": {"x": 1}, "error"'}, "finish_reason": None}],
}
LAST = {"model": "m", "choices": [{"delta": {}, "finish_reason": "stop"}], "usage": None}
COUNTED = {"model": "m", "choices": [], "usage": {"prompt_tokens": 3, "completion_tokens": 2}}


def test_a_stream_that_goes_by() -> None:
    totals = watched(TEXT, TEXT)
    assert not totals.is_finished and totals.model == "m" and totals.usage == UNREAD
    totals = watched(TEXT, LAST, COUNTED, "[DONE]")
    assert totals.is_finished and totals.usage == Usage(3, output_tokens=2) and totals.failure is None


def test_an_error_that_goes_by() -> None:
    totals = watched(TEXT, {"error": {"message": "busy", "code": "slow_down"}})
    assert totals.is_finished and totals.failure is not None and totals.failure.kind is FailureKind.OVERLOADED


def test_nonsense_passes_by() -> None:
    assert not watched("<html>", '{"choices": 7, "usage": {"a": 1}}').is_finished


def test_an_error_in_a_stream_is_its_last_event() -> None:
    out = stream_error(Failure(FailureKind.UPSTREAM, "cut"))
    assert out.startswith(b"data: ") and out.endswith(b"\n\n") and b"[DONE]" not in out
    assert json.loads(out[6:])["error"]["message"] == "cut"
