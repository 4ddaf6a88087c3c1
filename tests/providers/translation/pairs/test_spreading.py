"""A whole answer told as a stream says the same: put together again, it is the answer."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from providers.translation.pairs.collecting import collected
from providers.translation.pairs.spreading import spread

words = st.text(max_size=15)
calls = st.lists(
    st.fixed_dictionaries(
        {
            "id": st.uuids().map(str),
            "type": st.just("function"),
            "function": st.fixed_dictionaries({"name": words, "arguments": words}),
            "extra_content": st.just({"google": {"thought_signature": "s"}}),
        }
    ),
    min_size=1,
    max_size=3,
)
chats = st.fixed_dictionaries(
    {
        "id": st.just("c"),
        "object": st.just("chat.completion"),
        "created": st.just(1),
        "model": words,
        "choices": st.lists(
            st.fixed_dictionaries(
                {
                    "message": st.fixed_dictionaries(
                        {"role": st.just("assistant"), "content": words},
                        optional={"tool_calls": calls, "reasoning_content": words},
                    ),
                    "finish_reason": st.sampled_from(["stop", "length", "tool_calls"]),
                    "logprobs": st.just({"content": []}),
                }
            ),
            min_size=1,
            max_size=2,
        ).map(lambda listed: [{"index": at, **one} for at, one in enumerate(listed)]),
        "usage": st.just({"prompt_tokens": 1, "completion_tokens": 2, "total_tokens": 3}),
    }
)
blocks = st.one_of(
    st.fixed_dictionaries({"type": st.just("text"), "text": words}),
    st.fixed_dictionaries({"type": st.just("thinking"), "thinking": words, "signature": words}),
    st.fixed_dictionaries({"type": st.just("redacted_thinking"), "data": words}),
    st.fixed_dictionaries(
        {
            "type": st.just("tool_use"),
            "id": words,
            "name": words,
            "input": st.dictionaries(words, words, max_size=2),
        }
    ),
)
messages = st.fixed_dictionaries(
    {
        "id": words,
        "type": st.just("message"),
        "role": st.just("assistant"),
        "model": words,
        "content": st.lists(blocks, max_size=4),
        "stop_reason": st.sampled_from(["end_turn", "tool_use", "max_tokens"]),
        "stop_sequence": st.none(),
        "usage": st.fixed_dictionaries(
            {"input_tokens": st.integers(0, 9), "output_tokens": st.integers(0, 9)}
        ),
    }
)


@given(chats)
def test_chat(whole: dict[str, Any]) -> None:
    events = spread("openai_chat", json.dumps(whole).encode())
    assert events is not None and events.endswith(b"data: [DONE]\n\n")
    again = json.loads(collected("openai_chat", events) or b"")
    for choice in again["choices"]:
        for call in choice["message"].get("tool_calls", ()):
            del call["index"]
    assert again == whole


@given(messages)
def test_messages(whole: dict[str, Any]) -> None:
    events = spread("anthropic", json.dumps(whole).encode())
    assert events is not None and json.loads(collected("anthropic", events) or b"") == whole


@given(words, st.sampled_from(["completed", "incomplete"]))
def test_responses(text: str, status: str) -> None:
    part = {"type": "output_text", "text": text, "annotations": []}
    item = {"id": "msg_1", "type": "message", "role": "assistant", "status": "completed", "content": [part]}
    whole = {"id": "r", "status": status, "output": [item], "usage": {"output_tokens": 3}}
    events = spread("openai_responses", json.dumps(whole).encode())
    assert events is not None and json.loads(collected("openai_responses", events) or b"") == whole


@pytest.mark.parametrize("dialect", ["openai_chat", "openai_responses", "anthropic"])
@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"no",
        b"[]",
        b"7",
        b"{}",
        b'{"error": {"message": "x"}}',
        b'{"choices": {}, "content": 1, "output": 2}',
    ],
)
def test_what_is_no_answer_is_not_told(dialect: str, body: bytes) -> None:
    assert spread(dialect, body) is None
