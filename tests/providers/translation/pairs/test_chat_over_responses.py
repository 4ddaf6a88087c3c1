from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given, settings
from msgspec.structs import replace
from openai.types.chat import ChatCompletion

from providers.dialects.types import Refused, Target
from providers.translation.messages.input import NO_RESULT
from providers.translation.pairs.chat_over_responses import ChatOverResponses
from tests.providers.translation import accumulators
from tests.providers.translation.openai_exchanges import (
    PlainSealer,
    answered,
    call_of,
    counting_ids,
    sent,
    streamed,
    transcripts,
    written,
)
from tests.providers.translation.upstreams import Answer, Tool, items, response_body, response_streams

PAIR = "chat_over_responses"
TRANSCRIPTS = transcripts(PAIR)

CALL: dict[str, Any] = {
    "model": "my-model",
    "stream": True,
    "stream_options": {"include_usage": True},
    "messages": [{"role": "user", "content": "Hello"}],
}


def said(completion: dict[str, Any]) -> dict[str, Any]:
    """Return a completion without what streams write otherwise: nulls, empty texts, the kind of object."""
    (choice,) = completion["choices"]
    message = {name: value for name, value in choice["message"].items() if value and name != "parsed"}
    calls = [
        {"id": call["id"], "name": call["function"]["name"], "arguments": call["function"]["arguments"]}
        for call in message.pop("tool_calls", [])
    ]
    head = {name: completion[name] for name in ("id", "created", "model", "usage")}
    return {**head, "message": message, "calls": calls, "finish_reason": choice["finish_reason"]}


@pytest.mark.parametrize("case", [case for _, case in TRANSCRIPTS], ids=[name for name, _ in TRANSCRIPTS])
def test_transcript(case: dict[str, Any]) -> None:
    assert sent(PAIR, case["call"]) == case["request"]
    assert written(PAIR, case) == case["written"]


@settings(deadline=None, max_examples=40)
@given(response_streams())
def test_any_stream_accumulates_to_the_whole_answer(drawn: tuple[Answer, list[dict[str, Any]]]) -> None:
    answer, events = drawn
    out, seen = streamed(PAIR, CALL, events)
    assert said(accumulators.completion(out)) == said(answered(PAIR, CALL, response_body(answer)))
    assert seen.usage.input_tokens == 20 - answer.cached and seen.usage.cache_read_tokens == answer.cached


# --- the field rule -----------------------------------------------------------------------------------

HELLO = [{"role": "user", "content": "Hello"}]
WEATHER = {"type": "function", "function": {"name": "get_weather", "parameters": {"type": "object"}}}


def body(**fields: Any) -> dict[str, Any]:
    return {"model": "my-model", "messages": HELLO, **fields}


GRAMMAR = {"type": "grammar", "grammar": {"syntax": "lark", "definition": "start: x"}}
EVERY_FIELD = body(
    tools=[
        WEATHER,
        {"type": "custom", "custom": {"name": "patch", "description": "d", "format": GRAMMAR}},
    ],
    tool_choice={"type": "function", "function": {"name": "get_weather"}},
    parallel_tool_calls=False,
    max_tokens=10,
    max_completion_tokens=20,
    reasoning_effort="low",
    verbosity="low",
    response_format={"type": "json_schema", "json_schema": {"name": "n", "schema": {}, "strict": True}},
    metadata={"a": "b"},
    prompt_cache_key="k",
    user="u",
    seed=1,
    logit_bias={"1": 2},
    frequency_penalty=1,
    temperature=0.5,
    web_search_options={
        "search_context_size": "low",
        "user_location": {"type": "approximate", "approximate": {"city": "Ulm"}},
    },
    stream=True,
)


def test_every_field_has_its_place() -> None:
    assert sent(PAIR, EVERY_FIELD) == {
        "model": "gpt-5.1",
        "input": [{"role": "user", "content": [{"type": "input_text", "text": "Hello"}]}],
        "store": False,
        "metadata": {"a": "b"},
        "parallel_tool_calls": False,
        "prompt_cache_key": "k",
        "user": "u",
        "max_output_tokens": 20,
        "reasoning": {"effort": "low"},
        "tools": [
            {"type": "function", "name": "get_weather", "parameters": {"type": "object"}, "strict": False},
            {
                "type": "custom",
                "name": "patch",
                "description": "d",
                "format": {"type": "grammar", "syntax": "lark", "definition": "start: x"},
            },
            {
                "type": "web_search",
                "search_context_size": "low",
                "user_location": {"type": "approximate", "city": "Ulm"},
            },
        ],
        "tool_choice": {"type": "function", "name": "get_weather"},
        "text": {
            "format": {"type": "json_schema", "name": "n", "schema": {}, "strict": True},
            "verbosity": "low",
        },
        "stream": True,
    }
    assert sent(PAIR, EVERY_FIELD, Target("llama-4", max_output_tokens=5))["temperature"] == 0.5


@pytest.mark.parametrize(
    ("fields", "param"),
    [
        ({"n": 2}, "n"),
        ({"stop": ["x"]}, "stop"),
        ({"logprobs": True}, "logprobs"),
        ({"modalities": ["text", "audio"]}, "modalities"),
        ({"messages": None}, "messages"),
        ({"messages": ["x"]}, "messages.0"),
        ({"messages": [{"role": "robot"}]}, "messages.0.role"),
        ({"messages": [{"role": "user", "content": 7}]}, "messages.0.content"),
        ({"messages": [{"role": "user", "content": [{"type": "input_audio"}]}]}, "messages.0.content.0"),
        (
            {"messages": [{"role": "user", "content": [{"type": "image_url"}]}]},
            "messages.0.content.0.image_url.url",
        ),
        ({"messages": [{"role": "assistant", "tool_calls": [{"id": "x"}]}]}, "messages.0.tool_calls.0"),
        ({"tools": [{"type": "function"}]}, "tools.0"),
        ({"tools": [WEATHER], "tool_choice": {"type": "magic"}}, "tool_choice"),
        ({"response_format": {"type": "xml"}}, "response_format"),
    ],
)
def test_what_would_change_the_result_is_refused_by_name(fields: dict[str, Any], param: str) -> None:
    with pytest.raises(Refused) as refused:
        sent(PAIR, body(**fields))
    assert refused.value.failure.param == param and param in refused.value.failure.message


def test_a_choice_among_allowed_tools() -> None:
    allowed = {"mode": "required", "tools": [{"type": "function", "function": {"name": "get_weather"}}]}
    request = sent(
        PAIR, body(tools=[WEATHER], tool_choice={"type": "allowed_tools", "allowed_tools": allowed})
    )
    tools = [{"type": "function", "name": "get_weather"}]
    assert request["tool_choice"] == {"type": "allowed_tools", "mode": "required", "tools": tools}


def test_functions_of_the_first_days() -> None:
    history = [
        *HELLO,
        {"role": "assistant", "content": None, "function_call": {"name": "f", "arguments": "{}"}},
        {"role": "function", "name": "f", "content": "one"},
    ]
    request = sent(PAIR, body(messages=history, functions=[{"name": "f"}], function_call={"name": "f"}))
    assert request["tool_choice"] == {"type": "function", "name": "f"} and request["tools"][0]["name"] == "f"
    call, output = request["input"][1:]
    assert (
        call["type"] == "function_call" and output["call_id"] == call["call_id"] and output["output"] == "one"
    )


# --- several turns ------------------------------------------------------------------------------------


def test_a_tool_round_comes_back_as_it_was() -> None:
    name = "f" * 80
    tools = [{"type": "function", "function": {"name": name}}]
    short = sent(PAIR, body(tools=tools))["tools"][0]["name"]
    upstream = Answer(text="Looking.", tools=[Tool("call_1", short, '{"a":1}'), Tool("call_2", short, "{}")])
    said_ = answered(PAIR, body(tools=tools), response_body(upstream))["choices"][0]["message"]
    assert [call["function"]["name"] for call in said_["tool_calls"]] == [name, name]
    history = [
        {"role": "developer", "content": "Rules."},
        *HELLO,
        said_,
        {"role": "tool", "tool_call_id": "call_2", "content": [{"type": "text", "text": "two"}]},
        {"role": "user", "content": "And?"},
    ]
    assert sent(PAIR, body(messages=history, tools=tools))["input"] == [
        {"role": "developer", "content": [{"type": "input_text", "text": "Rules."}]},
        {"role": "user", "content": [{"type": "input_text", "text": "Hello"}]},
        {"role": "assistant", "content": [{"type": "output_text", "text": "Looking."}]},
        {"type": "function_call", "call_id": "call_1", "name": short, "arguments": '{"a":1}'},
        {"type": "function_call", "call_id": "call_2", "name": short, "arguments": "{}"},
        {"type": "function_call_output", "call_id": "call_2", "output": "two"},
        {"type": "function_call_output", "call_id": "call_1", "output": NO_RESULT},
        {"role": "user", "content": [{"type": "input_text", "text": "And?"}]},
    ]


# --- answers ------------------------------------------------------------------------------------------


def test_usage_is_told_to_those_who_ask() -> None:
    events = dict(TRANSCRIPTS)["text"]["upstream"]
    out, made = streamed(PAIR, body(stream=True), events)
    assert all("usage" not in data for _, data in out if data != "[DONE]") and made.usage.output_tokens == 7


def test_citations_are_carried() -> None:
    note = {"type": "url_citation", "url": "https://x", "title": "X", "start_index": 0, "end_index": 3}
    item = items(Answer(text="Yes"))[0]
    item["content"][0]["annotations"] = [note]
    told = answered(PAIR, body(), response_body(Answer(), [item]))["choices"][0]["message"]["annotations"]
    deeper = {name: value for name, value in note.items() if name != "type"}
    assert told == [{"type": "url_citation", "url_citation": deeper}]


def test_a_whole_answer_is_a_completion() -> None:
    answer = response_body(Answer(text="Yes.", refusal="No.", tools=[Tool("c", "f", "")]))
    told = answered(PAIR, body(), answer)
    ChatCompletion.model_validate(told)
    assert told["choices"][0]["message"]["tool_calls"][0]["function"]["arguments"] == "{}"


def test_a_query_can_ask_for_the_stream() -> None:
    call = call_of(body())
    made = ChatOverResponses(counting_ids(), 0, PlainSealer())
    request = made.request(replace(call, fields=replace(call.fields, stream=True)), Target(None))
    sent_ = json.loads(request.body)
    assert sent_["stream"] is True and sent_["model"] == "my-model"
    assert (b"accept", b"text/event-stream") in request.headers and request.path == b"/v1/responses"
