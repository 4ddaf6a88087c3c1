"""Lists of models read and written in both vendors' shapes."""

from __future__ import annotations

import pytest

from providers.listing import UNKNOWN_DATE, Model, in_anthropic_shape, in_openai_shape, read_models

CLAUDE = {
    "type": "model", "id": "claude-x", "display_name": "X", "created_at": "2026-10-01T00:00:00Z",
    "capabilities": {"a": 1},
}  # fmt: skip
GPT = {
    "id": "gpt-x",
    "object": "model",
    "created": 1_780_000_000,
    "owned_by": "openai",
    "shutdown_date": None,
}


@pytest.mark.parametrize(
    ("body", "expected"),
    [
        (b'{"data":[{"id":"a"},{"id":""},{"id":1},"x",{}]}', ["a"]),
        (b'[{"id":"a"}]', ["a"]),
        (b'{"data":[]}', []),
        (b'{"data":{}}', None),
        (b'{"error":{}}', None),
        (b"<html>", None),
        (b"", None),
    ],
)
def test_reading(body: bytes, expected: list[str] | None) -> None:
    found = read_models(body)
    assert (None if found is None else [one["id"] for one in found]) == expected


def test_each_vendors_own_shape_keeps_every_field() -> None:
    assert in_anthropic_shape(Model("claude-x", "anthropic", vendor=CLAUDE)) == CLAUDE
    assert in_openai_shape(Model("gpt-x", "other", vendor=GPT)) == GPT


def test_the_others_shape_says_what_both_have() -> None:
    assert in_openai_shape(Model("claude-x", "anthropic", vendor=CLAUDE)) == {
        "id": "claude-x", "object": "model", "created": 1_790_812_800, "owned_by": "anthropic", "display_name": "X",
    }  # fmt: skip
    assert in_anthropic_shape(Model("gpt-x", "other", vendor=GPT)) == {
        "type": "model", "id": "gpt-x", "display_name": "gpt-x", "created_at": "2026-05-28T20:26:40Z",
    }  # fmt: skip


def test_without_a_vendors_object() -> None:
    bare = Model("m", "p")
    assert in_anthropic_shape(bare)["created_at"] == UNKNOWN_DATE
    assert in_openai_shape(bare) == {"id": "m", "object": "model", "created": 0, "owned_by": "p"}


def test_an_alias_has_the_operators_name() -> None:
    alias = Model("claude-kimi", "p", "Kimi", {**CLAUDE, "id": "claude-x"})
    assert in_anthropic_shape(alias)["display_name"] == in_openai_shape(alias)["display_name"] == "Kimi"
    assert in_anthropic_shape(alias)["id"] == "claude-kimi"


def test_nonsense_dates_are_unknown() -> None:
    assert in_anthropic_shape(Model("m", "p", vendor={"created": 1e300}))["created_at"] == UNKNOWN_DATE
    assert in_openai_shape(Model("m", "p", vendor={"type": "model", "created_at": "soon"}))["created"] == 0
