from __future__ import annotations

from typing import Any

import pytest

from providers.translation.messages.cache_marks import limit_marks, mark_automatically, mark_for, mark_from

MARK = {"type": "ephemeral"}


def marked(count: int, kind: str = "text") -> list[dict[str, Any]]:
    return [{"type": kind, "n": number, "cache_control": MARK} for number in range(count)]


def left(blocks: list[dict[str, Any]]) -> list[int]:
    return [block["n"] for block in blocks if "cache_control" in block]


@pytest.mark.parametrize(
    ("tools", "system", "content", "expected"),
    [
        (1, 1, 2, ([0], [0], [0, 1])),
        (1, 1, 5, ([0], [0], [3, 4])),
        (0, 0, 9, ([], [], [5, 6, 7, 8])),
        (4, 1, 2, ([2, 3], [0], [1])),
        (5, 0, 0, ([1, 2, 3, 4], [], [])),
    ],
)
def test_never_more_than_four(tools: int, system: int, content: int, expected: Any) -> None:
    blocks = marked(tools), marked(system), marked(content)
    limit_marks(
        blocks[0], blocks[1], [{"role": "user", "content": blocks[2]}, {"role": "user", "content": "x"}]
    )
    assert tuple(left(each) for each in blocks) == expected


def test_marks_inside_tool_results_count() -> None:
    inner = marked(3)
    result = {"type": "tool_result", "content": inner, "n": 9, "cache_control": MARK}
    outer = marked(2)
    limit_marks(None, None, [{"role": "user", "content": [result, *outer]}])
    assert (left(inner), left(outer), "cache_control" in result) == ([2], [0, 1], True)


@pytest.mark.parametrize(
    ("part", "expected"),
    [
        ({"cache_control": MARK}, MARK),
        ({"cache_control": None}, None),
        ({"prompt_cache_breakpoint": {"mode": "explicit"}}, MARK),
        ({"prompt_cache_breakpoint": {"ttl": "12h"}}, {"type": "ephemeral", "ttl": "1h"}),
        ({}, None),
    ],
)
def test_what_a_part_asks_for(part: dict[str, Any], expected: Any) -> None:
    assert mark_from(part) == expected


def test_marks_for_a_caller_who_set_none() -> None:
    tools = [{"name": "a"}, {"name": "b"}]
    thinking = {"type": "thinking"}
    messages = [
        {"role": "user", "content": "hi"},
        {"role": "assistant", "content": [{"type": "text"}, thinking]},
    ]
    mark_automatically(tools, [], messages, MARK)
    assert tools[1] == {"name": "b", "cache_control": MARK}
    assert messages[1]["content"] == [{"type": "text", "cache_control": MARK}, thinking]
    assert messages[0]["content"] == "hi"


def test_a_caller_who_set_marks_keeps_just_those() -> None:
    for tools, system, content in ((marked(1), [], []), ([], marked(1), []), ([], [], marked(1))):
        messages = [{"role": "user", "content": content}, {"role": "user", "content": [{"type": "text"}]}]
        mark_automatically(tools, system, messages, mark_for("30m"))
        assert messages[1]["content"] == [{"type": "text"}]
