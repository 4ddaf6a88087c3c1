"""The OpenAI SDK as reader, on both surfaces over an Anthropic upstream."""

from __future__ import annotations

import json
from typing import Any

import pytest
from pydantic import BaseModel

from tests.fakes import vendor
from tests.providers.translation.sdk import Pair

CHAT_TOOL: Any = {
    "type": "function",
    "function": {
        "name": "Bash",
        "parameters": {
            "type": "object",
            "properties": {"command": {"type": "string"}},
            "required": ["command"],
        },
    },
}
FLAT_TOOL: Any = {"type": "function", **CHAT_TOOL["function"], "strict": False}
RUN = "RUN echo hi"


@pytest.mark.parametrize("stream", [True, False])
def test_chat_with_a_tool_round(stream: bool) -> None:
    pair = Pair("openai_chat")
    client = pair.client()
    messages: list[Any] = [{"role": "user", "content": RUN}]

    def ask() -> Any:
        fields: dict[str, Any] = {"model": "gpt-x", "messages": messages, "tools": [CHAT_TOOL]}
        if not stream:
            return client.chat.completions.create(**fields)
        with client.chat.completions.stream(**fields, stream_options={"include_usage": True}) as events:
            return events.get_final_completion()

    first = ask()
    (tool_call,) = first.choices[0].message.tool_calls
    assert first.choices[0].finish_reason == "tool_calls"
    assert json.loads(tool_call.function.arguments)["command"] == "echo hi"
    assert first.usage.prompt_tokens == 12 + 2048 + 128
    assert first.usage.prompt_tokens_details.cached_tokens == 2048
    messages += [
        first.choices[0].message.model_dump(exclude_none=True),
        {"role": "tool", "tool_call_id": tool_call.id, "content": "hi"},
    ]
    second = ask()
    assert second.choices[0].message.content == "The command said: hi"
    assert second.choices[0].finish_reason == "stop"
    assert pair.seen[1]["messages"][2]["content"][0]["type"] == "tool_result"


@pytest.mark.parametrize("stream", [True, False])
def test_responses_with_a_tool_round_and_thinking(stream: bool) -> None:
    pair = Pair("openai_responses")
    client = pair.client()
    history: list[Any] = [{"role": "user", "content": RUN}]

    def ask(**more: Any) -> Any:
        fields: dict[str, Any] = {
            "model": "gpt-x",
            "input": history,
            "tools": [FLAT_TOOL],
            "store": False,
            **more,
        }
        if not stream:
            return client.responses.create(**fields)
        with client.responses.stream(**fields) as events:
            return events.get_final_response()

    first = ask()
    (item,) = [each for each in first.output if each.type == "function_call"]
    assert json.loads(item.arguments)["command"] == "echo hi"
    assert first.usage.input_tokens_details.cached_tokens == 2048
    history += [each.model_dump(exclude_none=True) for each in first.output]
    history.append({"type": "function_call_output", "call_id": item.call_id, "output": "hi"})
    assert ask().output_text == "The command said: hi"
    history[:] = [{"role": "user", "content": "THINK about it"}]
    thought = ask(reasoning={"effort": "low", "summary": "auto"})
    assert [each.type for each in thought.output] == ["reasoning", "message"]
    assert thought.output[0].summary[0].text
    history += [each.model_dump(exclude_none=True) for each in thought.output]
    history.append({"role": "user", "content": "hello"})
    assert ask().output_text == "You said: hello"
    assert pair.seen[-1]["messages"][1]["content"][0]["signature"] == vendor.SIGNATURE


class Answer(BaseModel):
    words: list[str]


def test_structured_output_asks_for_a_schema_that_the_vendor_takes() -> None:
    pair = Pair("openai_chat")
    with pytest.raises(Exception, match="JSON"):  # the scripted vendor does not answer in JSON
        pair.client().chat.completions.parse(
            model="gpt-x", messages=[{"role": "user", "content": "x"}], response_format=Answer
        )
    schema = pair.seen[0]["output_config"]["format"]["schema"]
    assert schema["properties"]["words"]["items"] == {"type": "string"}
    assert schema["additionalProperties"] is False
