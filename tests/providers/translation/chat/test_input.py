from __future__ import annotations

from typing import Any

import pytest

from providers.dialects.types import FailureKind, Refused, Target
from tests.providers.translation.exchange import MODEL, sent

HI = [{"role": "user", "content": "hi"}]
PNG = "data:image/png;base64,iVBORw0KGgo="


def told(messages: list[dict[str, Any]], **fields: Any) -> Any:
    return sent("openai_chat", {"model": "gpt-x", "messages": messages, **fields})


def function(name: str = "f", **fields: Any) -> dict[str, Any]:
    return {"type": "function", "function": {"name": name, **fields}}


def tool_call(call_id: str, arguments: Any = "{}", name: str = "f") -> dict[str, Any]:
    return {"id": call_id, "type": "function", "function": {"name": name, "arguments": arguments}}


def test_the_least_call() -> None:
    assert told(HI) == {"model": MODEL, "max_tokens": 32_000, "messages": HI}


def test_the_callers_model_is_used_when_no_other_is_named() -> None:
    assert sent("openai_chat", {"model": "claude-x", "messages": HI}, Target(None))["model"] == "claude-x"


def test_system_texts_are_joined_in_order() -> None:
    messages = [
        {"role": "system", "content": "one"},
        {"role": "developer", "content": [{"type": "text", "text": "two"}, {"type": "text", "text": ""}]},
        *HI,
        {"role": "system", "content": "three"},
        {"role": "system", "content": None},
    ]
    assert told(messages)["system"] == "one\n\ntwo\n\nthree"


def test_a_tool_loop() -> None:
    messages = [
        *HI,
        {
            "role": "assistant",
            "content": "I look.",
            "tool_calls": [tool_call("c1", '{"a": 1.0}'), tool_call("c2", "")],
        },
        {"role": "tool", "tool_call_id": "c1", "content": "one"},
        {"role": "tool", "tool_call_id": "c2", "content": [{"type": "text", "text": "two"}]},
        {"role": "user", "content": "go on"},
    ]
    assert told(messages)["messages"] == [
        *HI,
        {
            "role": "assistant",
            "content": [
                {"type": "text", "text": "I look."},
                {"type": "tool_use", "id": "c1", "name": "f", "input": {"a": 1.0}},
                {"type": "tool_use", "id": "c2", "name": "f", "input": {}},
            ],
        },
        {
            "role": "user",
            "content": [
                {"type": "tool_result", "tool_use_id": "c1", "content": "one"},
                {"type": "tool_result", "tool_use_id": "c2", "content": [{"type": "text", "text": "two"}]},
                {"type": "text", "text": "go on"},
            ],
        },
    ]


def test_arguments_keep_every_digit() -> None:
    messages = [*HI, {"role": "assistant", "tool_calls": [tool_call("c", '{"n": 12345678901234567890123}')]}]
    assert told(messages)["messages"][1]["content"][0]["input"] == {"n": 12345678901234567890123}


@pytest.mark.parametrize("arguments", ["{", "[1]", '"x"'])
def test_arguments_that_are_no_object_are_kept(arguments: str) -> None:
    messages = [*HI, {"role": "assistant", "tool_calls": [tool_call("c", arguments)]}]
    assert told(messages)["messages"][1]["content"][0]["input"] == {"_raw": arguments}


def test_media() -> None:
    pdf = {"type": "file", "file": {"file_data": "data:application/pdf;base64,JVBERi0=", "filename": "a.pdf"}}
    parts = [
        {"type": "text", "text": "look"},
        {"type": "image_url", "image_url": {"url": PNG, "detail": "high"}},
        {"type": "image_url", "image_url": {"url": "https://x.example/a.png"}},
        pdf,
    ]
    blocks = told([{"role": "user", "content": parts}])["messages"][0]["content"]
    assert blocks[1]["source"] == {"type": "base64", "media_type": "image/png", "data": "iVBORw0KGgo="}
    assert blocks[2]["source"] == {"type": "url", "url": "https://x.example/a.png"}
    assert blocks[3]["title"] == "a.pdf"


@pytest.mark.parametrize(
    ("choice", "expected"),
    [
        ("auto", {"type": "auto"}),
        ("none", {"type": "none"}),
        ("required", {"type": "any"}),
        ({"type": "function", "function": {"name": "f"}}, {"type": "tool", "name": "f"}),
        (None, None),
    ],
)
def test_tool_choice(choice: Any, expected: Any) -> None:
    assert told(HI, tools=[function()], tool_choice=choice).get("tool_choice") == expected


def test_tool_choice_without_tools_is_left_out() -> None:
    assert "tool_choice" not in told(HI, tool_choice="auto")


def test_allowed_tools_hide_the_others() -> None:
    allowed = {"mode": "required", "tools": [{"type": "function", "function": {"name": "g"}}]}
    choice = {"type": "allowed_tools", "allowed_tools": allowed}
    body = told(HI, tools=[function("f"), function("g")], tool_choice=choice)
    assert [tool["name"] for tool in body["tools"]] == ["g"]
    assert body["tool_choice"] == {"type": "any"}


@pytest.mark.parametrize(
    ("choice", "expected"),
    [
        (None, {"type": "auto", "disable_parallel_tool_use": True}),
        ("required", {"type": "any", "disable_parallel_tool_use": True}),
        ("none", {"type": "none"}),
    ],
)
def test_one_tool_at_a_time(choice: Any, expected: Any) -> None:
    body = told(HI, tools=[function()], tool_choice=choice, parallel_tool_calls=False)
    assert body["tool_choice"] == expected


def test_formats() -> None:
    schema = {"type": "object", "properties": {"n": {"type": "integer", "minimum": 1}}, "required": ["n"]}
    format_ = {"type": "json_schema", "json_schema": {"name": "x", "schema": schema, "strict": True}}
    sent_format = told(HI, response_format=format_)["output_config"]["format"]
    assert sent_format["type"] == "json_schema"
    assert sent_format["schema"]["additionalProperties"] is False
    assert told(HI, response_format={"type": "json_object"})["system"]
    assert told(HI, response_format={"type": "text"}) == told(HI)


def test_limits_and_stops() -> None:
    body = told(HI, max_tokens=5, max_completion_tokens=6, stop=["a", " ", "b"], user="u")
    assert body["max_tokens"] == 6
    assert body["stop_sequences"] == ["a", "b"]
    assert len(body["metadata"]["user_id"]) == 64
    assert body["metadata"]["user_id"] != "u"
    assert told(HI, stop="x")["stop_sequences"] == ["x"]


def test_marks_of_the_caller_are_kept() -> None:
    mark = {"type": "ephemeral"}
    messages = [
        {"role": "system", "content": [{"type": "text", "text": "s", "cache_control": mark}]},
        {
            "role": "user",
            "content": [{"type": "text", "text": "a", "prompt_cache_breakpoint": {"ttl": "30m"}}],
        },
    ]
    body = told(messages, prompt_cache_key="k")
    assert body["system"] == [{"type": "text", "text": "s", "cache_control": mark}]
    assert body["messages"][0]["content"][0]["cache_control"] == {"type": "ephemeral", "ttl": "1h"}


def test_a_cache_key_sets_marks() -> None:
    body = told([{"role": "system", "content": "s"}, *HI], prompt_cache_key="k", tools=[function()])
    assert body["system"][0]["cache_control"] == {"type": "ephemeral"}
    assert body["messages"][0]["content"][0]["cache_control"] == {"type": "ephemeral"}
    assert told(HI)["messages"] == HI
    kept = told(HI, prompt_cache_key="k", prompt_cache_retention="24h")
    assert kept["messages"][0]["content"][0]["cache_control"] == {"type": "ephemeral", "ttl": "1h"}


DROPPED = {
    "metadata": {"a": "b"},
    "store": True,
    "service_tier": "flex",
    "verbosity": "low",
    "seed": 1,
    "logit_bias": {"1": 2},
    "frequency_penalty": 1,
    "presence_penalty": 1,
    "prediction": {},
    "web_search_options": {},
    "n": 1,
    "logprobs": False,
    "modalities": ["text"],
    "unheard_of": 1,
}


def test_null_is_absent_and_what_has_no_counterpart_is_left_out() -> None:
    names = (
        "n stop tools tool_choice temperature top_p max_tokens stream response_format "
        "user audio modalities functions function_call logprobs top_logprobs reasoning_effort parallel_tool_calls"
    )
    nulls = dict.fromkeys(names.split())
    assert told(HI, **nulls) == told(HI)
    assert told(HI, **DROPPED) == told(HI)


@pytest.mark.parametrize(
    ("fields", "param"),
    [
        ({"n": 2}, "n"),
        ({"logprobs": True}, "logprobs"),
        ({"top_logprobs": 3}, "top_logprobs"),
        ({"modalities": ["text", "audio"]}, "modalities"),
        ({"audio": {}}, "audio"),
        ({"functions": []}, "functions"),
        ({"function_call": "auto"}, "function_call"),
        ({"model": None}, "model"),
        ({"model": 5}, "model"),
        ({"messages": "x"}, "messages"),
        ({"messages": []}, "messages"),
        ({"messages": ["x"]}, "messages.0"),
        ({"messages": [{"role": "User", "content": "x"}]}, "messages.0.role"),
        ({"messages": [{"role": "user", "content": ""}]}, "messages.0.content"),
        ({"messages": [{"role": "user", "content": [{"type": "text", "text": " "}]}]}, "messages.0.content"),
        ({"messages": [{"role": "user", "content": [{"type": "odd"}]}]}, "messages.0.content.0.type"),
        ({"messages": [{"role": "user", "content": [{"type": "input_audio"}]}]}, "messages.0.content.0.type"),
        (
            {"messages": [{"role": "user", "content": [{"type": "file", "file": {"file_id": "f"}}]}]},
            "messages.0.content.0.file.file_data",
        ),
        (
            {"messages": [{"role": "system", "content": [{"type": "image_url", "image_url": {"url": PNG}}]}]},
            "messages.0.content",
        ),
        ({"messages": [*HI, {"role": "assistant", "function_call": {}}]}, "messages.1.function_call"),
        ({"messages": [*HI, {"role": "tool", "content": "x"}]}, "messages.1.tool_call_id"),
        (
            {"messages": [*HI, {"role": "assistant", "tool_calls": [{"id": "c"}]}]},
            "messages.1.tool_calls.0.function.name",
        ),
        ({"tools": [{"type": "web_search"}]}, "tools.0.type"),
        ({"tools": [{"type": "function", "function": {}}]}, "tools.0.function.name"),
        ({"tools": {}}, "tools"),
        ({"tool_choice": "some"}, "tool_choice"),
        ({"tool_choice": {"type": "function"}}, "tool_choice"),
        ({"response_format": {"type": "odd"}}, "response_format"),
        ({"response_format": {"type": "json_schema"}}, "response_format"),
        ({"response_format": "text"}, "response_format"),
        ({"max_tokens": 0}, "max_tokens"),
        ({"max_tokens": 1.5}, "max_tokens"),
        ({"max_tokens": True}, "max_tokens"),
        ({"temperature": "hot"}, "temperature"),
        ({"stop": 5}, "stop"),
        ({"stop": [5]}, "stop"),
        ({"stream": "yes"}, "stream"),
        ({"reasoning_effort": "absurd"}, "reasoning_effort"),
    ],
)
def test_what_would_change_the_result_is_refused_by_name(fields: dict[str, Any], param: str) -> None:
    with pytest.raises(Refused) as refused:
        sent("openai_chat", {"model": "gpt-x", "messages": HI, **fields})
    assert refused.value.failure.kind is FailureKind.INVALID_REQUEST
    assert refused.value.failure.param == param


@pytest.mark.parametrize("body", [b"", b"[]", b'"x"', b"{", b"\xff", b"null"])
def test_what_is_no_object_is_refused(body: bytes) -> None:
    with pytest.raises(Refused):
        sent("openai_chat", body)


def test_versions_and_betas_of_the_client_are_kept() -> None:
    from_client = (
        (b"anthropic-beta", b"a"),
        (b"anthropic-beta", b"b,c"),
        (b"anthropic-version", b"2026-10-21"),
    )
    body = sent("openai_chat", {"model": "x", "messages": HI, "temperature": 0.5}, headers=from_client)
    assert "temperature" not in body
