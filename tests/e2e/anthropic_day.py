"""What a program built on one of the Anthropic SDK's clients does in a day: each step is told a client and a model.

The same steps hold for the plain client and for those of Bedrock and Vertex, whatever serves behind the gateway.
"""

from __future__ import annotations

from typing import Any

import anthropic
import pytest

from tests.e2e.openai_day import PARAMETERS, PIXEL

Client = anthropic.Anthropic | anthropic.AnthropicBedrock | anthropic.AnthropicVertex
TOOL: Any = {"name": "Bash", "description": "Runs", "input_schema": PARAMETERS}


def user(words: Any) -> Any:
    return {"role": "user", "content": words}


def ask(model: str, words: Any, **more: Any) -> Any:
    return {"model": model, "max_tokens": 2048, "messages": [user(words)], **more}


def whole(client: Client, model: str) -> None:
    answer = client.messages.create(**ask(model, "hi é", system="Be brief."))
    assert answer.content[0].text == "You said: hi é"
    assert (answer.stop_reason, answer.type, answer.role) == ("end_turn", "message", "assistant")
    assert answer.usage.output_tokens == 34
    assert answer.usage.cache_read_input_tokens == 2048
    assert answer.usage.input_tokens == 12


def streamed(client: Client, model: str) -> None:
    with client.messages.stream(**ask(model, "hi é 😀")) as stream:
        pieces = list(stream.text_stream)
        final = stream.get_final_message()
    assert len(pieces) > 1
    assert "".join(pieces) == "You said: hi é 😀"
    assert final.content[0].text == "You said: hi é 😀"
    assert final.stop_reason == "end_turn"
    assert final.usage.output_tokens == 34
    assert final.usage.cache_read_input_tokens == 2048


def tool_round(client: Client, model: str) -> None:
    first = client.messages.create(**ask(model, "RUN echo 42", tools=[TOOL]))
    assert [block.type for block in first.content] == ["text", "tool_use"]
    assert first.stop_reason == "tool_use"
    call = first.content[1]
    assert call.input["command"] == "echo 42"
    result = {"type": "tool_result", "tool_use_id": call.id, "content": "42\n"}
    messages = [user("RUN echo 42"), {"role": "assistant", "content": first.content}, user([result])]
    with client.messages.stream(model=model, max_tokens=64, messages=messages, tools=[TOOL]) as stream:
        assert stream.get_final_text() == "The command said: 42"


def parallel_tools_streamed(client: Client, model: str) -> None:
    words = "BOTH echo 1 & echo 2"
    with client.messages.stream(**ask(model, words, tools=[TOOL])) as stream:
        first = stream.get_final_message()
    calls = [block for block in first.content if block.type == "tool_use"]
    assert [call.input["command"] for call in calls] == ["echo 1", "echo 2"]
    results = [
        {"type": "tool_result", "tool_use_id": call.id, "content": [{"type": "text", "text": f"{at}\n"}]}
        for at, call in enumerate(calls, 1)
    ]
    messages: Any = [user(words), {"role": "assistant", "content": first.content}, user(results)]
    second = client.messages.create(model=model, max_tokens=64, messages=messages, tools=[TOOL])
    assert second.content[0].text == "The command said: 1 and 2"


def thinking_in_a_tool_round(client: Client, model: str) -> None:
    more: Any = {"tools": [TOOL], "thinking": {"type": "adaptive"}}
    with client.messages.stream(**ask(model, "THINK RUN echo 42", **more)) as stream:
        first = stream.get_final_message()
    assert [block.type for block in first.content] == ["thinking", "text", "tool_use"]
    assert first.content[0].thinking == "Let me see…"
    assert first.content[0].signature
    result = {"type": "tool_result", "tool_use_id": first.content[2].id, "content": "42"}
    messages: Any = [
        user("THINK RUN echo 42"),
        {"role": "assistant", "content": first.content},
        user([result]),
    ]
    second = client.messages.create(model=model, max_tokens=2048, messages=messages, **more)
    assert second.content[0].text == "The command said: 42"


def image(client: Client, model: str) -> None:
    block = {"type": "image", "source": {"type": "base64", "media_type": "image/png", "data": PIXEL}}
    answer = client.messages.create(**ask(model, [block, {"type": "text", "text": "what is it"}]))
    assert answer.content[0].text == "You said: what is it"


def structured(client: Client, model: str) -> None:
    schema = {
        "type": "object",
        "properties": {"city": {"type": "string"}},
        "required": ["city"],
        "additionalProperties": False,
    }
    config: Any = {"format": {"type": "json_schema", "schema": schema}}
    answer = client.messages.create(**ask(model, 'SAY {"city": "Zürich"}', output_config=config))
    assert answer.content[0].text == '{"city": "Zürich"}'


def breaks(client: Client, model: str) -> None:
    answer = client.messages.stream(**ask(model, "OVERLOADED"))
    with pytest.raises(anthropic.APIError, match="Overloaded"), answer as stream:
        stream.get_final_message()


STEPS = (
    whole,
    streamed,
    tool_round,
    parallel_tools_streamed,
    thinking_in_a_tool_round,
    image,
    structured,
    breaks,
)

REFUSALS = {
    400: anthropic.BadRequestError,
    404: anthropic.NotFoundError,
    500: anthropic.InternalServerError,
}


def refused(client: Client, model: str, status: int) -> None:
    with pytest.raises(REFUSALS[status], match="as the vendor words it: é") as raised:
        client.messages.create(**ask(model, f"ERROR {status}"))
    assert raised.value.status_code == status
    with pytest.raises(REFUSALS[status]):
        client.messages.create(**ask(model, f"ERROR {status}", stream=True))
