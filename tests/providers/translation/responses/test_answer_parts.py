from __future__ import annotations

from typing import Any

from providers.translation.common.parts import PartKind, PartList, ReaderContext, Sequencer
from providers.translation.responses.answer_parts import AnswerParts

CALL = {"type": "function_call", "call_id": "c", "name": "t", "arguments": "{}"}


def fresh() -> tuple[AnswerParts, PartList]:
    parts = PartList()
    context = ReaderContext(lambda plain: "sealed", lambda prefix: prefix + "1", lambda: 50)
    return AnswerParts(Sequencer(parts), context), parts


def reasoning(**fields: Any) -> dict[str, Any]:
    return {"type": "reasoning", **fields}


def test_a_whole_text_adds_only_what_was_not_heard() -> None:
    found, parts = fresh()
    part = found.prose((0, 0), PartKind.TEXT, "ab")
    assert part is not None and found.prose((0, 0), PartKind.TEXT, "abc") is part
    found.complete(part, "another")  # no continuation: the heard text stays
    assert [each.text for each in parts.parts] == ["abc"] and found.written == 3


def test_an_empty_text_begins_no_part() -> None:
    found, parts = fresh()
    assert found.prose((0, 0), PartKind.TEXT, "") is None and found.reasoning(0, "") is None
    assert parts.parts == [] and not found.has_refusal


def test_a_call_begins_once_and_ends_with_its_item() -> None:
    found, parts = fresh()
    part = found.call(0, {**CALL, "arguments": ""})
    found.close_item(0, CALL)
    assert found.call(0, CALL) is part and part.is_closed and found.has_calls
    assert [(each.id, each.name, each.text) for each in parts.parts] == [("c", "t", "{}")]


def test_reasoning_is_sealed_when_its_item_ends() -> None:
    found, parts = fresh()
    found.close_item(0, reasoning(summary=[{"text": "a"}, {"text": "b"}]))
    found.close_item(1, reasoning(encrypted_content="x"))
    found.close_item(2, reasoning())
    assert [(part.kind, part.text, part.sealed) for part in parts.parts] == [
        (PartKind.REASONING, "a\n\nb", "sealed"),
        (PartKind.REDACTED, "", "sealed"),
    ]
