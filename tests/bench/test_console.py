"""Every page over a few thousand calls: how many queries it asks, and how much a first visit loads."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext

from bench import console_pages, console_rows
from bench.console import LINKED, MOST_BYTES, MOST_QUERIES, ONLY_A_FORM
from gateway.models import DailyUsage, ExchangeRow, HourlyUsage
from tests.gateway.console.pages.people import browser, serve

pytestmark = pytest.mark.django_db
CALLS = 3_000


@pytest.fixture
def filled(options: Callable[..., Any], tmp_path: Path) -> None:
    options(DATA_DIR=tmp_path, CLAUDE_CODE_HOME=str(tmp_path / "none"))
    console_rows.fill(CALLS, 40, 60)
    serve()


def asked(client: Client, address: str) -> tuple[int, list[str]]:
    """Return the status of an answer, and what was asked of the database for it."""
    with CaptureQueriesContext(connection) as queries:
        status = client.get(address).status_code
    return status, [query["sql"][:200] for query in queries]


def test_every_page_asks_little(filled: None) -> None:
    admin = browser()
    admin.get("/console/")
    over, pages = {}, 0
    for address in console_pages.everything():
        status, queries = asked(admin, address)
        assert status in (200, *ONLY_A_FORM), address
        pages += status == 200
        if len(queries) > MOST_QUERIES:
            over[address] = queries
    assert over == {}
    assert pages > 100
    for role, address in (("viewer", "/console/"), ("operator", "/console/"), ("developer", "/me/")):
        client = browser(role, is_staff=role != "developer")
        status, queries = asked(client, address)
        assert (status, len(queries) <= MOST_QUERIES) == (200, True), queries


def test_a_page_that_nobody_can_ask_for_is_told(filled: None) -> None:
    known = console_pages.examples()
    assert (
        console_pages.filled("console/requests/<str:request_id>/", known)
        == f"console/requests/{known['request_id']}/"
    )
    assert console_pages.filled("console/alerts/<str:kind>/<str:name>/<str:action>/", known) is None
    with pytest.raises(LookupError, match="'thing' in console/things"):
        console_pages.filled("console/things/<str:thing>/", known)


@pytest.mark.parametrize(
    "address", ["/console/", "/console/?span=30d", "/console/usage/?by=day", "/me/", "/admin/"]
)
def test_a_first_visit_loads_little(filled: None, address: str) -> None:
    client = browser()
    answer = client.get(address)
    linked = set(LINKED.findall(answer.content.decode()))
    files = [client.get(each).getvalue() for each in linked]
    assert linked and all(files)
    assert len(answer.content) + sum(map(len, files)) <= MOST_BYTES


def test_the_sums_of_the_bench_are_those_of_its_calls(filled: None) -> None:
    calls = ExchangeRow.objects.all()
    assert calls.count() == sum(row.requests for row in DailyUsage.objects.all()) == CALLS
    assert sum(row.output_tokens for row in DailyUsage.objects.all()) == sum(
        row.output_tokens for row in calls
    )
    assert 40 < sum(row.calls for row in HourlyUsage.objects.all()) <= CALLS
