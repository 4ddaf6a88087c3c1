from __future__ import annotations

from typing import Any

import pytest

from providers.dialects.types import Refused
from providers.translation.chat.to_responses import ItemsFromChat, input_parts
from providers.translation.common.tool_names import ToolNames
from providers.translation.messages.input import NO_RESULT

CALL = {"id": "c1", "type": "function", "function": {"name": "f", "arguments": '{"a":1}'}}


def converted(*messages: dict[str, Any]) -> list[dict[str, Any]]:
    conversation = ItemsFromChat(ToolNames())
    conversation.read({"messages": list(messages)})
    return conversation.items


def test_custom_calls_and_their_results() -> None:
    custom = {"id": "c2", "type": "custom", "custom": {"name": "patch", "input": "x"}}
    told = converted(
        {"role": "assistant", "content": None, "tool_calls": [CALL, custom]},
        {"role": "tool", "tool_call_id": "c2", "content": "two"},
        {"role": "tool", "tool_call_id": "c1", "content": "one"},
    )
    assert told == [
        {"type": "function_call", "call_id": "c1", "name": "f", "arguments": '{"a":1}'},
        {"type": "custom_tool_call", "call_id": "c2", "name": "patch", "input": "x"},
        {"type": "custom_tool_call_output", "call_id": "c2", "output": "two"},
        {"type": "function_call_output", "call_id": "c1", "output": "one"},
    ]


def test_missing_and_orphaned_results() -> None:
    told = converted(
        {"role": "assistant", "tool_calls": [CALL]}, {"role": "tool", "tool_call_id": "x", "content": "y"}
    )
    assert told[1:] == [{"type": "function_call_output", "call_id": "c1", "output": NO_RESULT}]


def test_what_the_assistant_said() -> None:
    parts = [{"type": "text", "text": "a"}, {"type": "refusal", "refusal": "b"}]
    (told,) = converted({"role": "assistant", "content": parts, "refusal": "c"})
    assert told["content"] == [
        {"type": "output_text", "text": "a"},
        {"type": "refusal", "refusal": "b"},
        {"type": "refusal", "refusal": "c"},
    ]


def test_an_empty_message_is_no_item() -> None:
    assert converted({"role": "user", "content": ""}) == []


def test_parts() -> None:
    assert input_parts("x", "w") == [{"type": "input_text", "text": "x"}]
    image = {"type": "image_url", "image_url": {"url": "data:image/png;base64,AA", "detail": "low"}}
    told = {"type": "input_image", "image_url": "data:image/png;base64,AA", "detail": "low"}
    assert input_parts(image, "w") == [told]
    file = {"type": "file", "file": {"file_id": "f", "filename": None}}
    assert input_parts(file, "w") == [{"type": "input_file", "file_id": "f"}]
    for part in (7, {"type": "input_audio"}, {"type": "image_url", "image_url": {}}):
        with pytest.raises(Refused):
            input_parts(part, "messages.0.content.0")
