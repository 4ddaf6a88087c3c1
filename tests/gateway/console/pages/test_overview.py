"""`/console/`."""

from __future__ import annotations

import re
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from accounts import services as accounts
from accounts.pool import live
from accounts.pool.pool import Pool
from gateway.kernel.parts import PARTS
from tests.gateway.console.pages.people import browser
from tests.gateway.usage.requests.making import call
from tests.principals import SOMEBODY

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def one_account(options: Any, tmp_path: Path) -> None:
    options(DATA_DIR=tmp_path, CLAUDE_CODE_HOME=str(tmp_path / "none"))
    accounts.add({"name": "a-b", "source": "api_key", "secret": "sk-1"}, principal=SOMEBODY)
    pool = Pool()
    pool.load()
    PARTS.put(live.POOL, pool)


def test_money_and_calls_of_today_with_the_exact_figure(django_assert_max_num_queries: Any) -> None:
    call(cost=Decimal("1234.5678900000"))
    client = browser()
    client.get("/console/")
    with django_assert_max_num_queries(12):
        page = client.get("/console/").content.decode()
    assert 'data-test="spend-today" title="1234.56789 USD">1,234.57 USD' in page
    assert 'data-test="calls-today">1<' in page
    assert 'data-test="needs-you"' in page and 'data-name="a-b"' in page


def test_a_viewer_has_no_buttons() -> None:
    viewer, operator = browser("viewer"), browser("operator")
    assert 'data-test="reset"' not in viewer.get("/console/").content.decode()
    assert 'data-test="reset"' in operator.get("/console/").content.decode()


def test_what_there_is_not() -> None:
    client = browser("operator")
    assert client.get("/console/?span=8d").status_code == 400


@pytest.mark.parametrize(("span", "bars"), [("24h", 24), ("7d", 7), ("30d", 30)])
def test_charts_of_hours_and_days(django_assert_max_num_queries: Any, span: str, bars: int) -> None:
    call(status=500)
    client = browser()
    with django_assert_max_num_queries(12):
        page = client.get(f"/console/?span={span}").content.decode()
    assert page.count('<rect class="space"') == 2 * bars and page.count('class="bar bad"') == 1
    assert f'data-test="span-{span}" aria-current="true"' in page
    assert "1 call, 1 failed" in page


@pytest.mark.parametrize("span", ["24h", "30d"])
def test_every_link_of_the_page_leads_somewhere(span: str) -> None:
    call(status=500)
    client = browser()
    page = client.get(f"/console/?span={span}").content.decode()
    urls = {url.replace("&amp;", "&") for url in re.findall(r'href="(/console/[^"]*)"', page)}
    assert len(urls) > 30
    assert {client.get(url).status_code for url in sorted(urls)} == {200}
