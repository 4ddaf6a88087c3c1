from __future__ import annotations

import json
from typing import Any

import pytest

from providers.dialects.types import Refused
from providers.translation.responses import listing

ITEMS = [
    {"role": "user", "content": "hi"},
    {"type": "function_call", "id": "fc_7", "call_id": "c", "name": "f", "arguments": "{}"},
    {"type": "message", "role": "assistant", "content": "yes", "status": "incomplete"},
]


def page(query: str = "") -> Any:
    return listing.page("resp_ab", [json.dumps(item).encode() for item in ITEMS], query.encode())


def test_the_newest_come_first_with_ids_and_parts() -> None:
    seen = page()
    assert [item["id"] for item in seen["data"]] == ["msg_ab0002", "fc_7", "msg_ab0000"]
    assert seen["data"][2] == {
        "type": "message", "id": "msg_ab0000", "role": "user", "status": "completed",
        "content": [{"type": "input_text", "text": "hi"}],
    }  # fmt: skip
    assert seen["data"][0]["status"] == "incomplete"
    assert seen["data"][0]["content"] == [{"type": "output_text", "text": "yes"}]
    assert (seen["object"], seen["first_id"], seen["last_id"], seen["has_more"]) == (
        "list", "msg_ab0002", "msg_ab0000", False,
    )  # fmt: skip


def test_pages_follow_each_other() -> None:
    first = page("limit=2&order=asc")
    assert ([item["id"] for item in first["data"]], first["has_more"]) == (["msg_ab0000", "fc_7"], True)
    last = page("limit=2&order=asc&after=fc_7&include[]=x")
    assert ([item["id"] for item in last["data"]], last["has_more"]) == (["msg_ab0002"], False)
    assert page("after=msg_ab0000")["first_id"] is None


@pytest.mark.parametrize(
    ("query", "param"),
    [
        ("limit=0", "limit"),
        ("limit=101", "limit"),
        ("limit=x", "limit"),
        ("order=up", "order"),
        ("after=x", "after"),
    ],
)
def test_other_values_are_refused_by_name(query: str, param: str) -> None:
    with pytest.raises(Refused) as refused:
        page(query)
    assert refused.value.failure.param == param
