"""Lists of models read and written in both vendors' shapes."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from providers.dialects.listing import (
    UNKNOWN_DATE,
    Model,
    anthropic_page,
    in_anthropic_shape,
    in_openai_shape,
    openai_list,
    read_models,
)
from providers.dialects.types import Refused

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


names = st.lists(st.sampled_from("abcdefghijkl"), unique=True)


@given(names, st.integers(1, 12))
def test_pages_put_together_are_the_list(ids: list[str], limit: int) -> None:
    whole = [Model(one, "p") for one in ids]
    seen: list[str] = []
    query = b"limit=%d" % limit
    while True:
        part = anthropic_page(whole, query)
        seen += [one["id"] for one in part["data"]]
        if not part["has_more"]:
            break
        query = b"limit=%d&after_id=%s" % (limit, str(part["last_id"]).encode())
    assert seen == ids
    assert anthropic_page([], b"") == {"data": [], "has_more": False, "first_id": None, "last_id": None}


@given(names, st.integers(1, 12), st.data())
def test_pages_before_an_id_end_there(ids: list[str], limit: int, data: st.DataObject) -> None:
    if not ids:
        return
    mark = data.draw(st.sampled_from(ids))
    part = anthropic_page([Model(one, "p") for one in ids], b"limit=%d&before_id=%s" % (limit, mark.encode()))
    before = ids[: ids.index(mark)]
    assert [one["id"] for one in part["data"]] == before[-limit:]
    assert part["has_more"] is (len(before) > limit)


@pytest.mark.parametrize(
    "query", [b"limit=0", b"limit=1001", b"limit=-1", b"limit=x", b"after_id=z", b"before_id=z"]
)
def test_pages_that_make_no_sense(query: bytes) -> None:
    with pytest.raises(Refused):
        anthropic_page([Model("a", "p")], query)


def test_openais_list_has_no_pages() -> None:
    models = [Model(str(n), "p") for n in range(30)]
    assert [one["id"] for one in openai_list(models, b"limit=2")["data"]] == [one.id for one in models]
