from __future__ import annotations

from typing import Any

import pytest

from providers.translation.messages.strictness import MAX_OPTIONAL, MAX_TOOLS, MAX_UNIONS, limit_strict


def tool(optional: int = 0, unions: int = 0) -> dict[str, Any]:
    properties: dict[str, Any] = {f"o{n}": {"type": "string"} for n in range(optional)}
    properties |= {f"u{n}": {"anyOf": [{"type": "string"}, {"type": "null"}]} for n in range(unions)}
    schema = {"type": "object", "properties": properties, "required": [f"u{n}" for n in range(unions)]}
    return {"name": "f", "strict": True, "input_schema": schema}


def strict(tools: list[dict[str, Any]], answer: Any = None) -> list[bool]:
    limit_strict(tools, answer)
    return ["strict" in each for each in tools]


def test_the_first_tools_keep_it() -> None:
    assert strict([tool() for _ in range(MAX_TOOLS + 5)]) == [True] * MAX_TOOLS + [False] * 5


def test_tools_that_are_not_strict_do_not_count() -> None:
    loose = {"name": "g", "input_schema": {}}
    assert strict([loose, *[tool() for _ in range(MAX_TOOLS)]]) == [False, *[True] * MAX_TOOLS]


@pytest.mark.parametrize(("name", "limit"), [("optional", MAX_OPTIONAL), ("unions", MAX_UNIONS)])
def test_what_one_may_not_have_another_may(name: str, limit: int) -> None:
    assert strict([tool(**{name: limit}), tool(**{name: 1}), tool()]) == [True, False, True]
    assert strict([tool(**{name: 1}), tool()], tool(**{name: limit})["input_schema"]) == [False, True]


def test_nested_objects_count() -> None:
    nested = tool()
    nested["input_schema"]["properties"] = {"x": tool(optional=MAX_OPTIONAL)["input_schema"]}
    nested["input_schema"]["required"] = ["x"]
    assert strict([nested, tool(optional=1)]) == [True, False]
