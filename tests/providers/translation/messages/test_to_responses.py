from __future__ import annotations

from typing import Any

import pytest

from providers.dialects.types import Refused
from providers.translation.common.tool_names import ToolNames
from providers.translation.messages import input as read
from providers.translation.messages.input import NO_RESULT
from providers.translation.messages.to_responses import ResponsesConversation, input_parts

IMAGE = {"type": "image", "source": {"type": "base64", "media_type": "image/png", "data": "AA"}}
CALL = {"type": "tool_use", "id": "t1", "name": "f", "input": {}}
INPUT_IMAGE = {"type": "input_image", "image_url": "data:image/png;base64,AA", "detail": "auto"}


def converted(*turns: tuple[str, list[dict[str, Any]]], item: Any = None) -> list[dict[str, Any]]:
    listed = [{"role": role, "content": blocks} for role, blocks in turns]
    conversation = ResponsesConversation(ToolNames(), lambda sealed: item)
    conversation.read(read.turns({"messages": [*listed, {"role": "user", "content": []}]}))
    return conversation.items


def test_images_stay_inside_the_result() -> None:
    result = {"type": "tool_result", "tool_use_id": "t1", "content": [IMAGE], "is_error": True}
    told = converted(("assistant", [CALL]), ("user", [result]))
    assert told[1]["output"] == [{"type": "input_text", "text": "Error:"}, INPUT_IMAGE]


def test_missing_and_orphaned_results() -> None:
    orphan = {"type": "tool_result", "tool_use_id": "t9", "content": "x"}
    told = converted(("assistant", [CALL]), ("user", [orphan]))
    assert told[1:] == [{"type": "function_call_output", "call_id": "t1", "output": NO_RESULT}]


def test_reasoning_comes_back_as_the_item_it_was() -> None:
    thinking = {"type": "thinking", "thinking": "x", "signature": "s"}
    assert converted(("assistant", [thinking]), item={"type": "reasoning"}) == [{"type": "reasoning"}]
    assert converted(("assistant", [thinking]), item=None) == []


def test_system_messages_and_server_tools_in_between() -> None:
    search = {"type": "web_search_tool_result", "content": [{"title": "T"}]}
    told = converted(("system", [{"type": "text", "text": "a"}]), ("assistant", [search]))
    assert told == [
        {"role": "system", "content": "a"},
        {"role": "assistant", "content": [{"type": "output_text", "text": "[result: T]"}]},
    ]


def test_documents() -> None:
    pdf = {"type": "document", "source": {"type": "base64", "media_type": "application/pdf", "data": "AA"}}
    file = {"filename": "document.pdf", "file_data": "data:application/pdf;base64,AA"}
    assert input_parts(pdf, "w") == [{"type": "input_file", **file}]
    url = {"type": "document", "source": {"type": "url", "url": "https://x"}}
    assert input_parts(url, "w") == [{"type": "input_file", "file_url": "https://x"}]
    nested = {"type": "document", "source": {"type": "content", "content": [IMAGE]}}
    assert input_parts(nested, "w") == [INPUT_IMAGE]
    assert input_parts({"type": "search_result", "title": "T", "content": []}, "w") == [
        {"type": "input_text", "text": "T"}
    ]
    for block in ({"type": "document", "source": {"type": "file"}}, {"type": "hologram"}):
        with pytest.raises(Refused):
            input_parts(block, "w")
