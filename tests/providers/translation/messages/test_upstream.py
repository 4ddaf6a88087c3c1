"""The course that both pairs share; what a surface writes is tested with the pairs."""

from __future__ import annotations

import gzip
import json

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from openai.lib.streaming.chat import ChatCompletionStreamState
from openai.types.chat import ChatCompletionChunk

from providers.dialects.types import FailureKind, Refused, Truncated
from tests.providers.translation.exchange import EVENTS, JSON, answered, cut, make
from tests.providers.translation.pairs.test_responses_over_messages import assert_grammar
from tests.wire import feeding
from tests.wire.messages import named, whole_message

SURFACES = ("openai_chat", "openai_responses")
CASES = feeding.cases("anthropic")


def body(surface: str, *, stream: bool = True) -> dict[str, object]:
    asked = (
        {"input": "hi"}
        if surface == "openai_responses"
        else {"messages": [{"role": "user", "content": "hi"}]}
    )
    return {"model": "gpt-x", **asked, "stream": stream}


@pytest.mark.parametrize("surface", SURFACES)
def test_the_last_event_may_lack_its_blank_line(surface: str) -> None:
    made = make(surface, body(surface))
    wire = feeding.sse_bytes(CASES["text"])
    whole = feeding.fed(make(surface, body(surface)), [wire])
    assert made.feed(wire[:-1]) + made.finish() == whole


@pytest.mark.parametrize("surface", SURFACES)
def test_a_stream_cut_anywhere_is_never_taken_as_whole(surface: str) -> None:
    wire = feeding.sse_bytes(CASES["tool"])
    for at in range(0, len(wire) - 3, 7):
        made = make(surface, body(surface))
        made.feed(wire[:at])
        with pytest.raises(Truncated):
            made.finish()


@pytest.mark.parametrize("surface", SURFACES)
@pytest.mark.parametrize("stream", [True, False])
def test_compressed_answers_are_read(surface: str, stream: bool) -> None:
    encoding = (b"content-encoding", b"gzip")
    if stream:
        made = make(surface, body(surface))
        assert (b"content-encoding", b"gzip") not in answered(made, b"", 200, (*EVENTS, encoding)).headers
        out = made.feed(gzip.compress(feeding.sse_bytes(CASES["text"])))
        assert out == feeding.fed(make(surface, body(surface)), [feeding.sse_bytes(CASES["text"])])
        return
    message = json.dumps(whole_message(CASES["text"])).encode()
    plain = answered(make(surface, body(surface, stream=False)), message)
    for data in (gzip.compress(message), message):  # the second only says that it is compressed
        assert answered(make(surface, body(surface, stream=False)), data, 200, (*JSON, encoding)) == plain


@pytest.mark.parametrize("surface", SURFACES)
def test_an_error_in_a_200_is_no_empty_success(surface: str) -> None:
    made = make(surface, body(surface, stream=False))
    with pytest.raises(Refused) as refused:
        answered(made, {"type": "error", "error": {"type": "overloaded_error", "message": "m"}})
    assert refused.value.failure.kind is FailureKind.OVERLOADED
    assert made.failure == refused.value.failure


@pytest.mark.parametrize("surface", SURFACES)
def test_an_endless_event_is_a_failure(surface: str) -> None:
    made = make(surface, body(surface))
    out = b"".join(made.feed(b"data: " + b"x" * 2**20) for _ in range(17))
    assert made.failure is not None
    assert feeding.parsed(out)


@pytest.mark.parametrize("surface", SURFACES)
def test_blocks_that_are_never_closed_are_closed_at_the_end(surface: str) -> None:
    events = [event["data"] for event in CASES["parallel_tools"]]
    sloppy = [event for event in events if event["type"] != "content_block_stop"]
    out = feeding.fed(make(surface, body(surface)), [feeding.sse_bytes(named(sloppy))])
    assert out == feeding.fed(make(surface, body(surface)), [feeding.sse_bytes(named(events))])


@pytest.mark.parametrize("surface", SURFACES)
@pytest.mark.parametrize("kind", ["thinking", "text", "tool_use"])
def test_a_block_that_starts_again_ends_first(surface: str, kind: str) -> None:
    start = {
        "type": "content_block_start",
        "index": 0,
        "content_block": {"type": kind, "name": "f", "id": "t"},
    }
    stop = {"type": "content_block_stop", "index": 0}
    other = {"type": "content_block_start", "index": 1, "content_block": {"type": "text", "text": "waits"}}
    twice, properly = [start, other, start], [start, stop, other, {**stop, "index": 1}, start, stop]
    end = [{"type": "message_stop"}]
    out = feeding.fed(make(surface, body(surface)), [feeding.sse_bytes(named(twice + end))])
    assert out == feeding.fed(make(surface, body(surface)), [feeding.sse_bytes(named(properly + end))])


INDEX = st.integers(0, 2)
SAMPLES = [event["data"] for case in ("tool", "thinking", "refusal", "error_second") for event in CASES[case]]
ANY_EVENT = st.one_of(
    st.sampled_from(
        [event["data"] for case in ("tool", "thinking", "refusal", "error_second") for event in CASES[case]]
    ),
    st.builds(lambda index: {"type": "content_block_stop", "index": index}, INDEX),
    st.builds(
        lambda index, kind: {"type": "content_block_start", "index": index, "content_block": {"type": kind}},
        INDEX,
        st.sampled_from(["text", "tool_use", "thinking", "redacted_thinking", "new"]),
    ),
    st.builds(
        lambda index, kind: {
            "type": "content_block_delta",
            "index": index,
            "delta": {"type": kind, "text": "t", "partial_json": "{}", "thinking": "h", "signature": "s"},
        },
        INDEX,
        st.sampled_from(["text_delta", "input_json_delta", "thinking_delta", "signature_delta", "new"]),
    ),
    st.just({"type": "content_block_delta"}),
)


@settings(deadline=None)
@given(st.lists(ANY_EVENT, max_size=14))
def test_whatever_the_upstream_says_the_client_gets_a_valid_stream(events: list[dict[str, object]]) -> None:
    wire = feeding.sse_bytes(named(events))
    made = make("openai_responses", body("openai_responses"))
    assert_grammar(feeding.fed(made, [wire], lambda exc: cut(made, exc)))
    chat = make("openai_chat", body("openai_chat"))
    state = ChatCompletionStreamState()
    told = feeding.parsed(feeding.fed(chat, [wire], lambda exc: cut(chat, exc)))
    for _, chunk in told[:-1]:
        state.handle_chunk(ChatCompletionChunk.model_validate(chunk))
    assert told[-1][1] == "[DONE]" or "error" in told[-1][1]
