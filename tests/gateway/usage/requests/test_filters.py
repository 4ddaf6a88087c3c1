from __future__ import annotations

import uuid
from datetime import UTC, datetime

import pytest

from gateway.kernel.asking import BadParameter
from gateway.usage.requests import filters
from gateway.usage.requests.filters import Filters


def test_words_become_filters_and_empty_ones_ask_for_nothing() -> None:
    assert filters.read({}) == filters.read(dict.fromkeys(filters.NAMES, "")) == Filters()
    read = filters.read(
        {"person": "ann@example.org", "token": "t", "model": "m", "status": "5xx", "slower_than": "2.5",
         "from": "2026-11-29", "to": "2026-11-29T14:00:00Z", "q": "lap"}
    )  # fmt: skip
    assert read.same == (("person", "ann@example.org"), ("token_id", "t"))
    assert (read.model, read.status, read.slower_than, read.label) == ("m", "5xx", 2.5, "lap")
    assert (read.begins, read.ends) == (
        datetime(2026, 11, 29, tzinfo=UTC),
        datetime(2026, 11, 29, 14, tzinfo=UTC),
    )


def test_a_request_id_is_no_text_in_a_label() -> None:
    own = uuid.uuid4()
    assert filters.read({"q": str(own)}) == Filters(request_id=own)
    assert filters.read({"q": "x" * 36}) == Filters(label="x" * 36)


@pytest.mark.parametrize(
    ("name", "value"),
    [("status", "x"), ("status", "600"), ("status", "1xx"), ("slower_than", "fast"), ("slower_than", "-1"),
     ("slower_than", "nan"), ("from", "x"), ("to", "x"), ("person", "a\0"), ("q", "x" * 256)],
)  # fmt: skip
def test_what_can_not_be_asked_is_named(name: str, value: str) -> None:
    with pytest.raises(BadParameter) as refused:
        filters.read({name: value})
    assert refused.value.param == name
