from __future__ import annotations

import json
from typing import Any

import pytest

from providers.dialects.types import Refused
from providers.translation.responses import compaction
from tests.fakes.sealer import CountedIds, PlainSealer

USER = {"type": "message", "role": "user", "content": "hello"}
TRIGGER = {"type": "compaction_trigger"}


def sealed(text: str = "what was") -> dict[str, Any]:
    return {"type": "compaction", "encrypted_content": PlainSealer().seal(text.encode(), compaction.CONTEXT)}


def test_the_last_item_asks() -> None:
    assert compaction.is_asked({"input": [USER, TRIGGER]})
    assert not compaction.is_asked({"input": [TRIGGER, USER]})
    assert not compaction.is_asked({"input": "compaction_trigger"})
    assert not compaction.is_asked({})


@pytest.mark.parametrize(
    ("body", "is_mentioned"), [({"input": [TRIGGER]}, True), ({"input": [sealed()]}, True)]
)
def test_only_bodies_that_mention_it_are_looked_at(body: Any, is_mentioned: bool) -> None:
    assert compaction.is_mentioned(json.dumps(body).encode()) is is_mentioned
    assert not compaction.is_mentioned(b'{"input": "hello"}')


def test_the_call_that_sums_up_has_the_history_and_the_tools_and_calls_none() -> None:
    made = compaction.asking(
        {
            "model": "m",
            "input": [USER, TRIGGER],
            "tools": [{"type": "function", "name": "f"}],
            "text": {},
            "stream": True,
        }
    )
    assert [item["role"] for item in made["input"]] == ["user", "user"]
    assert made["input"][-1]["content"][0]["text"] == compaction.INSTRUCTION
    assert (made["tool_choice"], made["stream"], made["store"], "text" in made) == (
        "none",
        True,
        False,
        False,
    )
    assert "tool_choice" not in compaction.asking({"input": "hello"})


def test_nothing_can_t_be_compacted() -> None:
    with pytest.raises(Refused) as refused:
        compaction.asking({"input": [TRIGGER]})
    assert refused.value.failure.param == "input"


def test_ours_is_opened_wherever_it_stands() -> None:
    fields = {"input": [USER, sealed(), USER]}
    made = compaction.opened(fields, PlainSealer().open)
    assert made["input"][1]["role"] == "user"
    assert made["input"][1]["content"][0]["text"] == compaction.SUMMARY + "what was"
    assert made["input"][0] is USER


@pytest.mark.parametrize(
    "item", [{"type": "compaction", "encrypted_content": "gAAA"}, {"type": "compaction"}]
)
def test_another_s_says_that_it_is_lost_except_at_its_own_provider(item: Any) -> None:
    fields = {"input": [item]}
    assert compaction.opened(fields, PlainSealer().open)["input"][0]["content"][0]["text"] == compaction.LOST
    assert compaction.opened(fields, PlainSealer().open, is_native=True) is fields


@pytest.mark.parametrize("body", [b"no", b"[]", b"\xff"])
def test_what_can_t_be_read_is_left_to_its_reader(body: bytes) -> None:
    assert compaction.read(body) is None


def test_the_summary_is_the_text_of_the_answer() -> None:
    parts = [
        {"type": "output_text", "text": " a"},
        {"type": "refusal", "refusal": "x"},
        {"type": "output_text", "text": "b "},
    ]
    assert (
        compaction.summary_of({"output": [{"type": "reasoning"}, {"type": "message", "content": parts}]})
        == "ab"
    )
    assert compaction.summary_of({"output": None}) == ""


def test_the_user_s_newest_words_stand_beside_it() -> None:
    items = [
        {"role": "user", "content": "x" * compaction.KEPT_BYTES},
        {
            "role": "user",
            "content": [{"type": "input_text", "text": "a"}, {"type": "input_image", "image_url": "u"}],
        },
        {"type": "message", "role": "assistant", "content": "no"},
        {"type": "function_call_output", "call_id": "c", "output": "no"},
        USER,
    ]
    kept = compaction.users_words({"input": items}, CountedIds())
    assert [one["content"] for one in kept] == [
        [{"type": "input_text", "text": "a"}], [{"type": "input_text", "text": "hello"}],
    ]  # fmt: skip
    assert all(one["id"].startswith("msg_") and one["status"] == "completed" for one in kept)
