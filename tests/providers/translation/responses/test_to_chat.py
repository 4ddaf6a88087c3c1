from __future__ import annotations

from typing import Any

import pytest

from providers.dialects.types import Refused
from providers.translation.common.carried import Carried
from providers.translation.messages.input import NO_RESULT
from providers.translation.responses.call import CallerTools
from providers.translation.responses.to_chat import ChatFromItems, chat_parts

USER = {"role": "user", "content": "Hello"}


def call(number: int) -> dict[str, Any]:
    return {"type": "function_call", "call_id": f"c{number}", "name": "f", "arguments": "{}"}


def output(number: int, value: Any = "ok") -> dict[str, Any]:
    return {"type": "function_call_output", "call_id": f"c{number}", "output": value}


def converted(*items: Any, name: str | None = None) -> list[dict[str, Any]]:
    conversation = ChatFromItems(CallerTools(), lambda text, sealed: Carried(name, text) if name else None)
    conversation.read({"input": list(items)})
    return conversation.messages


def shape(messages: list[dict[str, Any]]) -> list[Any]:
    return [
        [call["id"] for call in message["tool_calls"]]
        if message.get("tool_calls")
        else message.get("tool_call_id") or message["role"]
        for message in messages
    ]


def test_calls_of_one_turn_stay_together_and_results_stand_behind_them() -> None:
    told = converted(USER, call(1), call(2), call(3), output(3), output(1), output(2))
    assert shape(told) == ["user", ["c1", "c2", "c3"], "c1", "c2", "c3"]


def test_steps_one_after_the_other_stay_so() -> None:
    """Keep the order: the model saw the first result before it made the second call."""
    assert shape(converted(USER, call(1), output(1), call(2), output(2))) == [
        "user",
        ["c1"],
        "c1",
        ["c2"],
        "c2",
    ]


def test_text_before_calls_belongs_to_their_turn_and_text_after_does_not() -> None:
    said = {"type": "message", "role": "assistant", "content": [{"type": "output_text", "text": "a"}]}
    told = converted(USER, said, call(1), output(1), said)
    assert (
        shape(told) == ["user", ["c1"], "c1", "assistant"] and told[1]["content"] == "a" == told[3]["content"]
    )


def test_missing_and_orphaned_results() -> None:
    told = converted(USER, call(1), output(9), USER)
    assert shape(told) == ["user", ["c1"], "c1", "user"] and told[2]["content"] == NO_RESULT


def test_images_of_a_result_follow_as_the_user_s() -> None:
    image = {"type": "input_image", "image_url": "https://x", "detail": "low"}
    told = converted(USER, call(1), output(1, [{"type": "input_text", "text": "see"}, image]))
    assert told[2]["content"].startswith("see\n\n[the files")
    assert told[3]["content"][1] == {"type": "image_url", "image_url": {"url": "https://x", "detail": "low"}}


def test_reasoning_of_every_turn_that_called_tools() -> None:
    reasoning = {
        "type": "reasoning",
        "summary": [{"type": "summary_text", "text": "Hm."}],
        "encrypted_content": "S",
    }
    told = converted(USER, reasoning, call(1), output(1), USER, name="reasoning")
    assert told[1]["reasoning"] == "Hm."
    said = {"type": "message", "role": "assistant", "content": "x"}
    assert "reasoning" not in converted(USER, reasoning, said, USER, name="reasoning")[1]
    assert "reasoning" not in converted(USER, reasoning, call(1), output(1))[1]


def test_records_of_a_vendor_s_tools_are_dropped() -> None:
    assert shape(converted(USER, {"type": "web_search_call", "id": "w", "status": "completed"})) == ["user"]


def test_parts() -> None:
    assert chat_parts({"type": "refusal", "refusal": "no"}, "w") == [{"type": "text", "text": "no"}]
    assert chat_parts({"type": "input_text", "text": ""}, "w") == []
    file = {"type": "input_file", "file_data": "data:application/pdf;base64,AA"}
    assert chat_parts(file, "w")[0]["file"]["filename"] == "file.pdf"
    with pytest.raises(Refused):
        chat_parts({"type": "input_audio"}, "w")
