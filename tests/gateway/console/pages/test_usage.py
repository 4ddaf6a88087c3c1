"""`/console/usage/`."""

from __future__ import annotations

import re

import pytest

from gateway.models import AuditRow
from tests.gateway.console.pages.people import browser
from tests.gateway.usage.reporting.making import few_calls

pytestmark = pytest.mark.django_db
MONTH = "month=2026-09"


def test_the_table_has_rows_and_sums_with_exact_money() -> None:
    few_calls()
    page = browser().get(f"/console/usage/?{MONTH}&by=person").content.decode()
    assert 'data-test="usage-table"' in page and 'data-test="usage-sum"' in page
    assert 'title="1.6234567891">1.62<' in page
    assert page.count("ann@example.org</a>") == 2
    assert "/console/requests/?from=2026-09-01&amp;to=2026-09-30&amp;person=ann%40example.org" in page


def test_every_choice_is_a_link_that_keeps_the_others() -> None:
    few_calls()
    client = browser()
    page = client.get(f"/console/usage/?{MONTH}&by=person&group=red&sort=requests").content.decode()
    for hook in (
        "period-today",
        "period-yesterday",
        "period-7d",
        "period-30d",
        "period-month",
        "by-day",
        "csv",
    ):
        assert f'data-test="{hook}"' in page
    urls = {url.replace("&amp;", "&") for url in re.findall(r'href="(/console/usage/[^"]*)"', page)}
    assert {client.get(url).status_code for url in sorted(urls)} == {200}
    by_day = next(url for url in urls if "by=person%2Cday" in url)
    assert "group=red" in by_day and MONTH in by_day
    assert any("sort=-requests" in url for url in urls)
    assert 'aria-sort="ascending"' in page


@pytest.mark.filterwarnings("ignore:StreamingHttpResponse must consume")
def test_the_csv_is_that_of_the_api() -> None:
    few_calls()
    answer = browser("viewer").get(f"/console/usage/?{MONTH}&by=group&format=csv")
    assert answer["Content-Disposition"] == 'attachment; filename="usage-2026-09-01_2026-09-30.csv"'
    assert b"".join(answer).startswith(b"group,requests,")
    assert AuditRow.objects.get(action="usage.export").via == "console"


def test_the_same_figures_are_there_as_json() -> None:
    few_calls()
    client = browser("viewer")
    for query in ("", "?period=7d&by=model,day", f"?{MONTH}&by=group&sort=-requests"):
        shown = client.get(f"/console/usage/{query}").content.decode()
        link = re.search(r'href="([^"]+)" data-test="json"', shown)
        assert link is not None
        answer = client.get(link[1].replace("&amp;", "&"))
        assert answer.status_code == 200 and "totals" in answer.json()


def test_what_can_not_be_asked_is_told() -> None:
    client = browser()
    for query in ("by=colour", "month=x", "from=x", "sort=x"):
        answer = client.get(f"/console/usage/?{query}")
        assert answer.status_code == 400 and query.split("=")[0] in answer.content.decode()


def test_a_chart_has_a_bar_for_each_day_with_calls() -> None:
    few_calls()
    client = browser()
    assert client.get(f"/console/usage/?{MONTH}").content.decode().count('class="bar"') == 2
    assert 'class="bar"' not in client.get("/console/usage/?from=2026-01-01&to=2026-09-30").content.decode()
