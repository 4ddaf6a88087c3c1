"""Filters answer the same of a call at hand as of rows in the database."""

from __future__ import annotations

import pytest

from gateway.models import ExchangeRow
from gateway.usage.requests import filters, finding
from gateway.usage.requests.matching import matches
from tests.gateway.usage.requests.making import call

pytestmark = pytest.mark.django_db
OLD = 3 * 86_400.0

KINDS: tuple[dict[str, object], ...] = (
    {},
    {"status": 429, "person": "ann@example.org", "group": "dev"},
    {"status": 499, "failure_kind": "client-left"},
    {"failure_kind": "stream", "model_asked": "gpt-x", "model_served": "gpt-x-1"},
    {"status": 503, "account": "backup", "provider": "other", "surface": "chat_completions"},
    {"total_seconds": 9.5, "token_id": "t-2", "token_label": "Büro Laptop"},
    {"age": OLD, "status": 404},
)
ASKED: tuple[dict[str, str], ...] = (
    {}, {"status": "ok"}, {"status": "failed"}, {"status": "2xx"}, {"status": "4xx"}, {"status": "5xx"},
    {"status": "499"}, {"person": "ann@example.org"}, {"group": "dev"}, {"token": "t-2"}, {"account": "backup"},
    {"provider": "other"}, {"surface": "chat_completions"}, {"model": "gpt-x"}, {"model": "gpt-x-1"},
    {"slower_than": "3"}, {"q": "LAPTOP"}, {"q": "none of these"}, {"from": "today"}, {"to": "yesterday"},
    {"status": "failed", "person": "ann@example.org"}, {"slower_than": "3", "model": "claude-x"},
)  # fmt: skip


@pytest.mark.parametrize("asked", ASKED, ids=str)
def test_a_call_is_let_through_where_a_query_finds_it(asked: dict[str, str]) -> None:
    for kind in KINDS:
        call(**kind)  # type: ignore[arg-type]
    newest = ExchangeRow.objects.order_by("-id")[0].started_at
    days = {"today": newest.date().isoformat(), "yesterday": "2020-01-01"}
    read = filters.read({name: days.get(value, value) for name, value in asked.items()})
    found = {row.pk for row in finding.page(read, 100).rows}
    assert {row.pk for row in ExchangeRow.objects.all() if matches(read, row)} == found
    assert asked.get("q") == "none of these" or "to" in asked or found


def test_one_call_by_its_id() -> None:
    ids = [call(), call()]
    read = filters.read({"q": ids[0]})
    assert [matches(read, row) for row in ExchangeRow.objects.filter(pk__in=ids).order_by("id")] == [
        True,
        False,
    ]
