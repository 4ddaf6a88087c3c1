from __future__ import annotations

from typing import Any

import pytest

from providers.dialects.types import Refused
from providers.translation.common.tool_names import ToolNames
from providers.translation.messages import input as read
from providers.translation.messages.input import NO_RESULT
from providers.translation.messages.to_chat import ChatConversation, short_id, user_parts

END = {"role": "user", "content": []}
IMAGE = {"type": "image", "source": {"type": "url", "url": "https://x"}}


def call(number: int) -> dict[str, Any]:
    return {"type": "tool_use", "id": f"t{number}", "name": "f", "input": {"n": number}}


def result(number: int, content: Any = "ok", **fields: Any) -> dict[str, Any]:
    return {"type": "tool_result", "tool_use_id": f"t{number}", "content": content, **fields}


def converted(*turns: tuple[str, list[dict[str, Any]]]) -> list[dict[str, Any]]:
    listed = [{"role": role, "content": blocks} for role, blocks in turns]
    conversation = ChatConversation(ToolNames(), lambda text, signature: None)
    conversation.read(read.turns({"messages": [*listed, END]}))
    return conversation.messages


@pytest.mark.parametrize("order", [[1, 2, 3], [3, 1, 2], [2, 3, 1]])
def test_results_stand_behind_their_calls_in_the_order_given(order: list[int]) -> None:
    text = {"type": "text", "text": "go on"}
    told = converted(("assistant", [call(1), call(2), call(3)]), ("user", [*map(result, order), text]))
    assert [message["role"] for message in told] == ["assistant", "tool", "tool", "tool", "user"]
    assert [message["tool_call_id"] for message in told[1:4]] == [f"t{number}" for number in order]


@pytest.mark.parametrize("missing", [1, 2])
def test_a_call_without_a_result_gets_one(missing: int) -> None:
    told = converted(("assistant", [call(1), call(2)]), ("user", [result(3 - missing), result(9)]))
    assert {message["tool_call_id"]: message["content"] for message in told[1:]} == {
        f"t{3 - missing}": "ok",
        f"t{missing}": NO_RESULT,
    }
    later = converted(("assistant", [call(1)]), ("assistant", [{"type": "text", "text": "x"}]))
    assert [message["role"] for message in later] == ["assistant", "tool"] and later[0]["content"] == "x"


def test_images_of_a_result_follow_as_the_user_s() -> None:
    content = [{"type": "text", "text": "see"}, IMAGE]
    told = converted(("assistant", [call(1)]), ("user", [result(1, content, is_error=True)]))
    assert told[1]["content"].startswith("Error: see\n\n[the files")
    assert told[2]["role"] == "user" and told[2]["content"][1] == {
        "type": "image_url",
        "image_url": {"url": "https://x"},
    }


def test_a_turn_of_which_nothing_is_left_is_left_out() -> None:
    assert converted(("assistant", [{"type": "thinking", "thinking": "x", "signature": "s"}])) == []


def test_a_system_message_in_between_stays_in_its_place() -> None:
    told = converted(("user", [{"type": "text", "text": "a"}]), ("system", [{"type": "text", "text": "b"}]))
    assert told == [{"role": "user", "content": "a"}, {"role": "system", "content": "b"}]


def test_server_tools_of_the_history_become_text() -> None:
    search = {"type": "server_tool_use", "id": "s", "name": "web_search", "input": {}}
    told = converted(("assistant", [search, {"type": "text", "text": "Found."}]))
    assert told == [{"role": "assistant", "content": "[web_search {}]Found."}]


def test_documents() -> None:
    pdf = {
        "type": "document",
        "title": "a.pdf",
        "source": {"type": "base64", "media_type": "application/pdf", "data": "AA"},
    }
    file = {"filename": "a.pdf", "file_data": "data:application/pdf;base64,AA"}
    assert user_parts(pdf, "w") == [{"type": "file", "file": file}]
    text = {"type": "document", "source": {"type": "text", "data": "x"}}
    assert user_parts(text, "w") == [{"type": "text", "text": "x"}]
    for source in ({"type": "url", "url": "https://x"}, {"type": "file", "file_id": "f"}):
        with pytest.raises(Refused) as refused:
            user_parts({"type": "document", "source": source}, "messages.0.content.1")
        assert refused.value.failure.param == "messages.0.content.1.source"


def test_long_ids_are_short_everywhere() -> None:
    long = {"id": "x" * 60, "tool_use_id": "x" * 60}
    told = converted(("assistant", [{**call(1), **long}]), ("user", [{**result(1), **long}]))
    assert len(told[0]["tool_calls"][0]["id"]) <= 40
    assert told[1]["tool_call_id"] == told[0]["tool_calls"][0]["id"] and told[1]["content"] == "ok"
    assert short_id("abc", 40) == "abc"
