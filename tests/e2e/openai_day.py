"""What a program built on the OpenAI SDK does in a day: each step is told a client and a model, and checks
the answers.

The same steps hold with the vendor itself and through the gateway, whatever serves there.
"""

from __future__ import annotations

import json
from typing import Any

import openai
import pytest
from openai import OpenAI
from openai.types.chat import ChatCompletionMessageFunctionToolCall
from pydantic import BaseModel

PIXEL = "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAIAAACQd1PeAAAADElEQVR4nGP4z8AAAAMBAQDJ/pLvAAAAAElFTkSuQmCC"
"""A PNG, in base64."""
PARAMETERS = {
    "type": "object",
    "properties": {"command": {"type": "string"}, "description": {"type": "string"}},
    "required": ["command", "description"],
    "additionalProperties": False,
}
CHAT_TOOL: Any = {
    "type": "function",
    "function": {"name": "Bash", "description": "Runs", "parameters": PARAMETERS},
}
FLAT_TOOL: Any = {
    "type": "function",
    "name": "Bash",
    "description": "Runs",
    "parameters": PARAMETERS,
    "strict": True,
}


class Weather(BaseModel):
    city: str
    degrees: int


SAY_WEATHER = 'SAY {"city": "Zürich", "degrees": 21}'
WEATHER = Weather(city="Zürich", degrees=21)


def user(words: str) -> Any:
    return {"role": "user", "content": words}


# --- Chat Completions --------------------------------------------------------------------------------


def chat(client: OpenAI, model: str) -> None:
    messages = [{"role": "system", "content": "Be brief."}, user("hi é")]
    answer = client.chat.completions.create(model=model, messages=messages, max_completion_tokens=64)
    assert answer.choices[0].message.content == "You said: hi é"
    assert answer.choices[0].finish_reason == "stop"
    assert answer.model == model
    assert answer.usage.completion_tokens == 34
    assert answer.usage.prompt_tokens_details.cached_tokens == 2048
    assert answer.usage.prompt_tokens > 2048
    assert answer.usage.total_tokens == answer.usage.prompt_tokens + 34


def chat_streamed(client: OpenAI, model: str) -> None:
    chunks = list(client.chat.completions.create(model=model, messages=[user("hi é 😀")], stream=True))
    texts = [chunk.choices[0].delta.content or "" for chunk in chunks]
    assert "".join(texts) == "You said: hi é 😀"
    assert len([text for text in texts if text]) > 1
    assert chunks[-1].choices[0].finish_reason == "stop"
    assert all(chunk.usage is None for chunk in chunks)
    assert len({chunk.id for chunk in chunks}) == 1


def chat_streamed_with_usage(client: OpenAI, model: str) -> None:
    options: Any = {"include_usage": True}
    with client.chat.completions.stream(model=model, messages=[user("hi")], stream_options=options) as stream:
        final = stream.until_done().get_final_completion()
    assert final.choices[0].message.content == "You said: hi"
    assert final.usage.completion_tokens == 34


def chat_tool_round(client: OpenAI, model: str) -> None:
    messages = [user("RUN echo 42")]
    first = client.chat.completions.create(model=model, messages=messages, tools=[CHAT_TOOL])
    assert first.choices[0].finish_reason == "tool_calls"
    (call,) = first.choices[0].message.tool_calls
    assert json.loads(call.function.arguments)["command"] == "echo 42"
    messages += [first.choices[0].message, {"role": "tool", "tool_call_id": call.id, "content": "42\n"}]
    second = client.chat.completions.create(model=model, messages=messages, tools=[CHAT_TOOL])
    assert second.choices[0].message.content == "The command said: 42"
    messages += [second.choices[0].message, user("thanks")]
    third = client.chat.completions.create(model=model, messages=messages, tools=[CHAT_TOOL])
    assert third.choices[0].message.content == "You said: thanks"


def chat_parallel_tools_streamed(client: OpenAI, model: str) -> None:
    messages = [user("BOTH echo 1 & echo 2")]
    with client.chat.completions.stream(model=model, messages=messages, tools=[CHAT_TOOL]) as stream:
        said = stream.until_done().get_final_completion().choices[0].message
    assert said.content == "I run both."
    calls = [call for call in said.tool_calls if isinstance(call, ChatCompletionMessageFunctionToolCall)]
    assert [json.loads(call.function.arguments)["command"] for call in calls] == ["echo 1", "echo 2"]
    assert len({call.id for call in calls}) == 2
    results = [
        {"role": "tool", "tool_call_id": call.id, "content": f"{at}\n"} for at, call in enumerate(calls, 1)
    ]
    answer = client.chat.completions.create(
        model=model, messages=[*messages, said, *results], tools=[CHAT_TOOL]
    )
    assert answer.choices[0].message.content == "The command said: 1 and 2"


def chat_structured(client: OpenAI, model: str) -> None:
    answer = client.chat.completions.parse(model=model, messages=[user(SAY_WEATHER)], response_format=Weather)
    assert answer.choices[0].message.parsed == WEATHER


def chat_structured_streamed(client: OpenAI, model: str) -> None:
    with client.chat.completions.stream(
        model=model, messages=[user(SAY_WEATHER)], response_format=Weather
    ) as stream:
        final = stream.until_done().get_final_completion()
    assert final.choices[0].message.parsed == WEATHER


def chat_image(client: OpenAI, model: str) -> None:
    image = {"type": "image_url", "image_url": {"url": f"data:image/png;base64,{PIXEL}", "detail": "low"}}
    content: Any = [image, {"type": "text", "text": "what is it"}]
    answer = client.chat.completions.create(model=model, messages=[{"role": "user", "content": content}])
    assert answer.choices[0].message.content == "You said: what is it"


# --- Responses ---------------------------------------------------------------------------------------


def responses(client: OpenAI, model: str) -> None:
    answer = client.responses.create(
        model=model, input="hi é", instructions="Be brief.", max_output_tokens=64
    )
    assert answer.status == "completed"
    assert answer.output_text == "You said: hi é"
    assert answer.model == model
    assert answer.usage.output_tokens == 34
    assert answer.usage.input_tokens_details.cached_tokens == 2048


def responses_streamed(client: OpenAI, model: str) -> None:
    with client.responses.stream(model=model, input="hi é 😀") as stream:
        events = list(stream)
        final = stream.get_final_response()
    assert final.output_text == "You said: hi é 😀"
    deltas = [event.delta for event in events if event.type == "response.output_text.delta"]
    assert len(deltas) > 1
    assert "".join(deltas) == final.output_text
    assert [event.sequence_number for event in events if hasattr(event, "sequence_number")][:3] == [0, 1, 2]
    assert events[0].type == "response.created"
    assert events[-1].type == "response.completed"


def responses_tool_round(client: OpenAI, model: str) -> None:
    """Send the whole history anew each time, as agents do that keep nothing with the vendor."""
    history: list[Any] = [user("RUN echo 42")]
    first = client.responses.create(model=model, input=history, tools=[FLAT_TOOL], store=False)
    (call,) = (item for item in first.output if item.type == "function_call")
    assert json.loads(call.arguments)["command"] == "echo 42"
    history += [*first.output, {"type": "function_call_output", "call_id": call.call_id, "output": "42\n"}]
    with client.responses.stream(model=model, input=history, tools=[FLAT_TOOL], store=False) as stream:
        second = stream.get_final_response()
    assert second.output_text == "The command said: 42"


def responses_parallel_tools(client: OpenAI, model: str) -> None:
    with client.responses.stream(model=model, input="BOTH echo 1 & echo 2", tools=[FLAT_TOOL]) as stream:
        first = stream.get_final_response()
    calls = [item for item in first.output if item.type == "function_call"]
    assert [json.loads(call.arguments)["command"] for call in calls] == ["echo 1", "echo 2"]
    results: Any = [
        {"type": "function_call_output", "call_id": call.call_id, "output": f"{at}\n"}
        for at, call in enumerate(calls, 1)
    ]
    second = client.responses.create(
        model=model, previous_response_id=first.id, input=results, tools=[FLAT_TOOL]
    )
    assert second.output_text == "The command said: 1 and 2"
    third = client.responses.create(model=model, previous_response_id=second.id, input="thanks")
    assert third.output_text == "You said: thanks"
    assert third.previous_response_id == second.id


def responses_unknown_previous(client: OpenAI, model: str) -> None:
    with pytest.raises(openai.NotFoundError, match="resp_nobody") as raised:
        client.responses.create(model=model, previous_response_id="resp_nobody", input="hi")
    assert raised.value.param == "previous_response_id"


def responses_structured(client: OpenAI, model: str) -> None:
    answer = client.responses.parse(model=model, input=SAY_WEATHER, text_format=Weather)
    assert answer.output_parsed == WEATHER


def responses_image(client: OpenAI, model: str) -> None:
    image = {"type": "input_image", "image_url": f"data:image/png;base64,{PIXEL}", "detail": "auto"}
    content = [image, {"type": "input_text", "text": "what is it"}]
    message: Any = {"role": "user", "content": content}
    assert client.responses.create(model=model, input=[message]).output_text == "You said: what is it"


# --- errors ------------------------------------------------------------------------------------------


REFUSALS = {
    400: openai.BadRequestError,
    403: openai.PermissionDeniedError,
    404: openai.NotFoundError,
    429: openai.RateLimitError,
    500: openai.InternalServerError,
}
"""What the SDK makes of each status."""


def refused(client: OpenAI, model: str, status: int) -> None:
    with pytest.raises(REFUSALS[status]) as raised:
        client.chat.completions.create(model=model, messages=[user(f"ERROR {status}")])
    assert raised.value.status_code == status
    assert raised.value.type
    assert "as the vendor words it: é" in raised.value.message


def refused_stream(client: OpenAI, model: str, status: int) -> None:
    with pytest.raises(REFUSALS[status]) as raised:
        client.responses.create(model=model, input=f"ERROR {status}", stream=True)
    assert raised.value.status_code == status


def chat_breaks(client: OpenAI, model: str) -> None:
    with pytest.raises(openai.APIError, match="Overloaded"):
        list(client.chat.completions.create(model=model, messages=[user("OVERLOADED")], stream=True))


def responses_break(client: OpenAI, model: str) -> None:
    events = list(client.responses.create(model=model, input="OVERLOADED", stream=True))
    assert events[-1].type == "response.failed"
    assert "Overloaded" in events[-1].response.error.message


def models(client: OpenAI, model: str) -> None:
    listed = [each.id for each in client.models.list()]
    assert model in listed
    assert client.models.retrieve(model).object == "model"


STEPS = (
    chat,
    chat_streamed,
    chat_streamed_with_usage,
    chat_tool_round,
    chat_parallel_tools_streamed,
    chat_structured,
    chat_structured_streamed,
    chat_image,
    responses,
    responses_streamed,
    responses_tool_round,
    responses_parallel_tools,
    responses_unknown_previous,
    responses_structured,
    responses_image,
    chat_breaks,
    responses_break,
    models,
)
