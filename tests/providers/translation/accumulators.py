"""The vendors' own stream accumulators, and the shape of every event checked against the vendors' types."""

from __future__ import annotations

from typing import Any

from anthropic.lib.streaming._messages import accumulate_event
from anthropic.types import RawMessageStreamEvent
from openai import omit
from openai.lib.streaming.chat import ChatCompletionStreamState
from openai.lib.streaming.responses._responses import ResponseStreamState
from openai.types.chat import ChatCompletionChunk
from openai.types.responses import ResponseStreamEvent
from pydantic import TypeAdapter

Events = list[list[Any]]

_message_event: TypeAdapter[Any] = TypeAdapter(RawMessageStreamEvent)
_response_event: TypeAdapter[Any] = TypeAdapter(ResponseStreamEvent)


def check_message_grammar(events: Events) -> None:
    """Check what Claude Code depends on: one start, blocks in turn, each opened before its deltas."""
    names = [name for name, _ in events if name != "ping"]
    assert names[0] == "message_start" and names.count("message_start") == 1
    assert names[-2:] == ["message_delta", "message_stop"] and names.count("message_delta") == 1
    open_index: int | None = None
    count = 0
    for name, data in events:
        assert name == data["type"]
        if name == "content_block_start":
            assert open_index is None and data["index"] == count
            open_index, count = data["index"], count + 1
        elif name == "content_block_delta":
            assert data["index"] == open_index
        elif name == "content_block_stop":
            assert data["index"] == open_index
            open_index = None
    assert open_index is None


def message(events: Events) -> dict[str, Any]:
    """Return the message that the Anthropic SDK accumulates."""
    check_message_grammar(events)
    snapshot: Any = None
    buffers: dict[int, bytes] = {}
    for _, data in events:
        event = _message_event.validate_python(data)
        snapshot = accumulate_event(event=event, current_snapshot=snapshot, json_bufs=buffers)
    told: dict[str, Any] = snapshot.to_dict()
    for block in told["content"]:
        block.pop("parsed_output", None)
    return told


def completion(events: Events) -> dict[str, Any]:
    """Return the completion that the OpenAI SDK accumulates from chunks."""
    assert events[-1] == [None, "[DONE]"]
    state = ChatCompletionStreamState()
    for name, data in events[:-1]:
        assert name is None
        state.handle_chunk(ChatCompletionChunk.model_validate(data))
    told: dict[str, Any] = state.current_completion_snapshot.to_dict()
    return told


def response(events: Events) -> dict[str, Any]:
    """Return the response that the OpenAI SDK accumulates, which must be what the closing event says."""
    state: Any = ResponseStreamState(input_tools=omit, text_format=omit)
    for number, (name, data) in enumerate(events):
        assert name == data["type"] and data["sequence_number"] == number
        state.handle_event(_response_event.validate_python(data))
    closing = events[-1][1]
    assert closing["type"] in ("response.completed", "response.incomplete")
    snapshot = state._ResponseStreamState__current_snapshot
    for heard, told in zip(snapshot.output, closing["response"]["output"], strict=True):
        assert heard.type == told["type"] and heard.id == told["id"]
        if heard.type == "function_call":
            assert heard.arguments == told["arguments"]
        if heard.type == "message" and told["content"][0]["type"] == "output_text":
            assert [part.text for part in heard.content] == [part["text"] for part in told["content"]]
    done = [data["item"] for name, data in events if name == "response.output_item.done"]
    assert done == closing["response"]["output"]  # Codex goes by these
    answer: dict[str, Any] = closing["response"]
    return answer
