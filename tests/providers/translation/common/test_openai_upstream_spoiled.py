"""Malformed bodies and events: refused or told as an error, never an exception of our own."""

from __future__ import annotations

import copy
import json
import random
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from providers.dialects.types import Refused, Target, Truncated, WireAnswer
from tests.providers.translation.openai_exchanges import (
    NOW,
    PAIRS,
    PlainSealer,
    call_of,
    counting_ids,
    transcripts,
    translator,
)
from tests.wire.feeding import sse_bytes

ODD: list[Any] = [
    None,
    True,
    0,
    -1,
    1.5,
    "",
    "x",
    [],
    [None],
    ["x"],
    [[]],
    {},
    {"type": "x"},
    [{"type": "text"}],
    {"a": {}},
]

TOOL_HISTORY: dict[str, list[Any]] = {
    "messages": [
        {
            "role": "user",
            "content": [
                {"type": "text", "text": "x"},
                {"type": "image", "source": {"type": "url", "url": "u"}},
            ],
        },
        {
            "role": "assistant",
            "content": [
                {"type": "thinking", "thinking": "x", "signature": "s"},
                {"type": "tool_use", "id": "t", "name": "f", "input": {"a": 1}},
                {"type": "server_tool_use", "id": "s", "name": "web_search", "input": {}},
                {"type": "web_search_tool_result", "content": [{"title": "T"}]},
            ],
        },
        {
            "role": "user",
            "content": [
                {
                    "type": "tool_result",
                    "tool_use_id": "t",
                    "content": [{"type": "text", "text": "x"}],
                    "is_error": True,
                },
                {"type": "document", "title": "T", "source": {"type": "text", "data": "x"}},
                {
                    "type": "search_result",
                    "title": "T",
                    "source": "S",
                    "content": [{"type": "text", "text": "x"}],
                },
            ],
        },
    ],
    "responses": [
        {
            "role": "user",
            "content": [{"type": "input_text", "text": "x"}, {"type": "input_image", "image_url": "u"}],
        },
        {"type": "reasoning", "summary": [{"type": "summary_text", "text": "x"}], "encrypted_content": "s"},
        {"type": "function_call", "call_id": "t", "name": "f", "arguments": "{}", "namespace": "n"},
        {"type": "custom_tool_call", "call_id": "u", "name": "g", "input": "x"},
        {"type": "function_call_output", "call_id": "t", "output": [{"type": "input_text", "text": "x"}]},
    ],
    "chat": [
        {"role": "system", "content": "x"},
        {
            "role": "user",
            "content": [{"type": "text", "text": "x"}, {"type": "image_url", "image_url": {"url": "u"}}],
        },
        {
            "role": "assistant",
            "content": None,
            "tool_calls": [{"id": "t", "type": "function", "function": {"name": "f", "arguments": "{}"}}],
            "function_call": {"name": "f", "arguments": "{}"},
        },
        {"role": "tool", "tool_call_id": "t", "content": "x"},
    ],
}

BODIES: dict[str, dict[str, Any]] = {
    "messages": {
        "model": "m",
        "max_tokens": 9,
        "messages": TOOL_HISTORY["messages"],
        "system": [{"type": "text", "text": "x"}],
        "tools": [
            {
                "name": "f",
                "description": "d",
                "strict": True,
                "input_schema": {"type": "object", "required": ["a"]},
            }
        ],
        "tool_choice": {"type": "tool", "name": "f"},
        "thinking": {"type": "enabled", "budget_tokens": 2000},
        "output_config": {"effort": "low", "format": {"type": "json_schema", "schema": {}}},
        "metadata": {"user_id": "u"},
        "temperature": 1,
        "stream": True,
    },
    "responses": {
        "model": "m",
        "input": TOOL_HISTORY["responses"],
        "instructions": "x",
        "tools": [
            {"type": "function", "name": "f", "parameters": {}},
            {
                "type": "custom",
                "name": "g",
                "format": {"type": "grammar", "syntax": "lark", "definition": "x"},
            },
            {"type": "namespace", "name": "n", "tools": [{"type": "function", "name": "f"}]},
        ],
        "tool_choice": {
            "type": "allowed_tools",
            "mode": "auto",
            "tools": [{"type": "function", "name": "f"}],
        },
        "text": {"format": {"type": "json_schema", "name": "n", "schema": {}}},
        "reasoning": {"effort": "low"},
        "include": ["reasoning.encrypted_content"],
        "max_output_tokens": 9,
        "stream": True,
    },
    "chat": {
        "model": "m",
        "messages": TOOL_HISTORY["chat"],
        "tools": [
            {"type": "function", "function": {"name": "f", "parameters": {}}},
            {
                "type": "custom",
                "custom": {"name": "g", "format": {"type": "grammar", "grammar": {"syntax": "lark"}}},
            },
        ],
        "functions": [{"name": "f"}],
        "tool_choice": {
            "type": "allowed_tools",
            "allowed_tools": {"tools": [{"type": "function", "function": {"name": "f"}}]},
        },
        "response_format": {"type": "json_schema", "json_schema": {"name": "n"}},
        "web_search_options": {"user_location": {"approximate": {}}},
        "modalities": ["text"],
        "stream_options": {"include_usage": True},
        "max_tokens": 9,
        "stream": True,
    },
}


def places(value: Any, at: tuple[Any, ...] = ()) -> list[tuple[Any, ...]]:
    """Return the path of every value inside."""
    inner = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    return [at] * bool(at) + [path for key, each in inner for path in places(each, (*at, key))]


def spoiled(value: Any, rng: random.Random) -> Any:
    """Return a copy with one or two values replaced or taken out."""
    value = copy.deepcopy(value)
    for _ in range(rng.randint(1, 2)):
        found = places(value)
        *way, last = rng.choice(found) if found else (None,)
        holder = value
        for key in way:
            holder = holder[key]
        if not found:
            break
        if rng.random() < 0.2:
            del holder[last]
        else:
            holder[last] = copy.deepcopy(rng.choice(ODD))
    return value


@pytest.mark.parametrize("pair", PAIRS)
@settings(deadline=None, max_examples=80)
@given(seed=st.integers(0, 2**32))
def test_a_spoiled_request_is_sent_or_refused(pair: str, seed: int) -> None:
    body = spoiled(BODIES[pair.split("_over_")[0]], random.Random(seed))
    made = PAIRS[pair](counting_ids(), NOW, PlainSealer())
    try:
        request = made.request(call_of(body), Target("gpt-5"))
    except Refused as refused:
        assert refused.failure.message
    else:
        assert isinstance(json.loads(request.body), dict)


STREAMS = {pair: [case for name, case in transcripts(pair) if name != "image"] for pair in PAIRS}


@pytest.mark.parametrize("pair", PAIRS)
@settings(deadline=None, max_examples=80)
@given(seed=st.integers(0, 2**32))
def test_a_spoiled_stream_is_translated_or_told_as_an_error(pair: str, seed: int) -> None:
    rng = random.Random(seed)
    case = rng.choice(STREAMS[pair])
    made = translator(pair, case["call"])
    events = [
        event if isinstance(event["data"], str) else {**event, "data": spoiled(event["data"], rng)}
        for event in case["upstream"]
    ]
    try:
        made.feed(sse_bytes(events))
        made.finish()
    except Truncated:
        pass
    assert made.usage.input_tokens >= 0


WHOLE: dict[str, Any] = {
    "model": "m",
    "status": "incomplete",
    "incomplete_details": {"reason": "max_output_tokens"},
    "error": None,
    "output": [
        {
            "type": "reasoning",
            "id": "r",
            "summary": [{"type": "summary_text", "text": "x"}],
            "encrypted_content": "e",
        },
        {
            "type": "message",
            "id": "m",
            "content": [{"type": "output_text", "text": "x", "annotations": []}],
        },
        {"type": "function_call", "id": "f", "call_id": "c", "name": "f", "arguments": "{}"},
    ],
    "choices": [
        {
            "index": 0,
            "finish_reason": "stop",
            "message": {
                "content": "x",
                "reasoning_content": "x",
                "refusal": "x",
                "tool_calls": [{"id": "c", "type": "function", "function": {"name": "f", "arguments": "{}"}}],
            },
        }
    ],
    "usage": {
        "prompt_tokens": 1,
        "input_tokens": 1,
        "prompt_tokens_details": {"cached_tokens": 1},
        "input_tokens_details": {"cached_tokens": 1},
    },
}


@pytest.mark.parametrize("pair", PAIRS)
@settings(deadline=None, max_examples=100)
@given(seed=st.integers(0, 2**32))
def test_a_spoiled_answer_is_translated_or_raises_refused(pair: str, seed: int) -> None:
    made = translator(
        pair, {name: value for name, value in STREAMS[pair][0]["call"].items() if name != "stream"}
    )
    body = json.dumps(spoiled(WHOLE, random.Random(seed))).encode()
    try:
        answer = made.response(WireAnswer(200, ((b"content-type", b"application/json"),), body))
    except Refused as refused:
        assert refused.failure is made.failure
    else:
        assert isinstance(json.loads(answer.body), dict)
