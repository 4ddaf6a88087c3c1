"""Lists of stored objects, from the table alone."""

from __future__ import annotations

import json
from typing import Any

import pytest

from gateway.objects.lists import list_of
from gateway.objects.rows import Page, Wanted
from providers.dialects.types import Refused
from tests.gateway.objects.building import stored


async def listed(page: Page | None, query: bytes = b"") -> tuple[Any, Wanted]:
    asked: list[Wanted] = []

    async def page_of(wanted: Wanted) -> Page | None:
        asked.append(wanted)
        return page

    answer = await list_of("file", "ledger-1", query, "https://gw.test", page_of)
    assert answer.status == 200
    return json.loads(answer.body), asked[0]


async def test_objects_are_shown_as_they_were_described_and_lead_to_us() -> None:
    document = '{"id": "b1", "results_url": "https://api.vendor.test/v1/messages/batches/b1/results"}'
    shown, _ = await listed(
        Page((stored("b1", document=document), stored("b2"), stored("b3", document="{")), True)
    )
    assert shown == {
        "data": [
            {"id": "b1", "results_url": "https://gw.test/v1/messages/batches/b1/results"},
            {"id": "b2", "type": "file"},
            {"id": "b3", "type": "file"},
        ],
        "has_more": True,
        "first_id": "b1",
        "last_id": "b3",
        "next_page": "b3",
    }


async def test_an_empty_list() -> None:
    shown, wanted = await listed(Page((), False))
    assert shown == {"data": [], "has_more": False, "first_id": None, "last_id": None, "next_page": None}
    assert wanted == Wanted("ledger-1", "file", 20)


@pytest.mark.parametrize(
    ("query", "more"),
    [
        (b"limit=5&after_id=a", {"limit": 5, "after": "a"}),
        (b"before_id=a&beta=true", {"limit": 20, "before": "a"}),
        (b"page=a", {"limit": 20, "after": "a"}),
    ],
)
async def test_the_part_that_is_asked_for(query: bytes, more: dict[str, Any]) -> None:
    _, wanted = await listed(Page((), False), query)
    assert wanted == Wanted("ledger-1", "file", **more)


@pytest.mark.parametrize("query", [b"limit=0", b"limit=1001", b"limit=-1", b"limit=1e3"])
async def test_a_limit_that_is_none(query: bytes) -> None:
    with pytest.raises(Refused) as refused:
        await listed(Page((), False), query)
    assert refused.value.failure.param == "limit"


async def test_an_id_that_is_not_there() -> None:
    with pytest.raises(Refused) as refused:
        await listed(None, b"after_id=zzz")
    assert (refused.value.failure.param, "zzz was not found" in refused.value.failure.message) == (
        "after_id",
        True,
    )
