"""The admin's first page: what an operator must see at 2 a.m."""

import html
import random
import re
import time
import uuid
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from urllib.parse import parse_qsl, urlsplit

import pytest
from django.contrib.auth.models import User
from django.test import Client

from accounts import services as accounts
from accounts.pool import live
from accounts.pool.pool import Pool
from gateway.console.overview import overview
from gateway.exchange.exchange import Exchange
from gateway.kernel.moments import id_floor
from gateway.kernel.parts import PARTS
from gateway.usage import services
from providers import services as providers
from providers.dialects.types import FailureKind, Usage
from providers.drivers.base import Scope
from tests.accounts.building import OWN, call, limit
from tests.principals import SOMEBODY

pytestmark = pytest.mark.django_db


def made_at(seconds: float) -> str:
    """An id of that moment."""
    return str(uuid.UUID(int=id_floor(seconds).int | random.getrandbits(62)))


def row(status: int, ago: timedelta = timedelta(minutes=1), **given: object) -> Exchange:
    at = datetime.now(UTC) - ago
    exchange = Exchange(
        id=made_at(at.timestamp()), started_at=at.timestamp(), surface="messages", status=status
    )
    exchange.token_id, exchange.token_label, exchange.account = "token-1", "alice", "primary"
    exchange.usage = Usage(10, 100, 5, 1, 7)
    for name, value in given.items():
        setattr(exchange, name, value)
    return exchange


def test_the_last_hour_and_today_are_counted() -> None:
    services.write([row(200), row(429, failure_kind=FailureKind.RATE_LIMIT), row(200, timedelta(hours=2))])
    seen = overview()
    assert (seen.requests_hour, seen.failures_hour) == (2, 1)
    assert seen.requests_today in (2, 3)  # two hours ago may be yesterday
    assert seen.input_tokens_today == seen.requests_today * 116
    assert [failure.status for failure in seen.failures] == [429]


def test_every_account_is_there_with_its_state() -> None:
    accounts.add(
        {"name": "one", "source": "api_key", "secret": "sk-ant-api03-xxxxxxxxxxxx"}, principal=SOMEBODY
    )
    accounts.add(
        {"name": "two", "source": "api_key", "secret": "sk-ant-api03-yyyyyyyyyyyy"}, principal=SOMEBODY
    )
    accounts.pause("two", principal=SOMEBODY)
    by_name = {line.name: line for line in overview().accounts}
    assert by_name["one"].is_healthy
    assert by_name["two"].state == "paused"
    assert not by_name["two"].is_healthy


def test_a_provider_to_which_no_call_goes_is_named_first(client: Client) -> None:
    pool = Pool()
    PARTS.put(live.POOL, pool)
    try:
        call(pool, limit(Scope.ACCOUNT, 60, time.time()), provider="litellm", own=OWN)
        assert [(one.name, one.state) for one in overview().cooling_down] == [("litellm", "cooling")]
        client.force_login(User.objects.create_superuser("root", "a@example.com", "x"))
        page = client.get("/admin/").content.decode()
    finally:
        PARTS.drop(live.POOL, pool)
    ending = re.search(r"until (\d\d \w+ )?\d\d:\d\d UTC \(in \d+ \w+\): upstream returned 429", page)
    assert ending is not None and ending.start() < page.index("<caption>Accounts</caption>")


def test_the_page_shows_it_to_staff_without_secrets(client: Client) -> None:
    accounts.add(
        {"name": "one", "source": "api_key", "secret": "sk-ant-api03-xxxxxxxxxxxx"}, principal=SOMEBODY
    )
    services.write([row(502, failure_kind=FailureKind.UPSTREAM, failure_message="no connection")])
    services.write([row(404, account="", provider="local", failure_message="x" * 90 + "end")])
    client.force_login(User.objects.create_superuser("root", "a@example.com", "x"))
    page = client.get("/admin/").content.decode()
    assert "no connection" in page
    assert "<td>local</td>" in page and "xend" in page  # a provider's key is no account; nothing is cut off
    assert "View site" not in page
    assert "alice" in page
    assert "sk-ant" not in page
    assert "Link.Assistant.Router" in page


def links(page: str) -> dict[str, str]:
    """Where the page's own part leads, by the words."""
    found = re.findall(r'<a href="([^"]+)">([^<]+)</a>', page[page.index('id="gateway-overview"') :])
    return {html.unescape(words): html.unescape(target) for target, words in found}


def test_every_link_filters_on_names_that_exist_and_yields_what_its_count_says(
    client: Client, options: Any, tmp_path: Path
) -> None:
    options(DATA_DIR=tmp_path)
    accounts.add(
        {"name": "one", "source": "api_key", "secret": "sk-ant-api03-xxxxxxxxxxxx"}, principal=SOMEBODY
    )
    hours_ago = [row(502, timedelta(hours=2), account="one") for _ in range(3)]
    services.write([row(200), row(429), row(499), *hours_ago])
    pool = Pool()
    PARTS.put(live.POOL, pool)
    try:
        providers.upsert({"name": "litellm", "base_url": "http://l/v1"}, principal=SOMEBODY)
        call(pool, limit(Scope.ACCOUNT, 60, time.time()), provider="litellm", own=OWN)
        client.force_login(User.objects.create_superuser("root", "a@example.com", "x"))
        found = links(client.get("/admin/").content.decode())
        assert {"3 calls", "2 failed", "litellm"} < set(found)
        for words, target in found.items():
            answer = client.get(target)
            assert answer.status_code == 200, (words, target)
            if "cl" not in (answer.context or {}):
                continue
            listed = answer.context["cl"]
            asked = {name for name, _ in parse_qsl(urlsplit(target).query)}
            known = {parameter for spec in listed.filter_specs for parameter in spec.expected_parameters()}
            assert asked <= known | {"q"}, (words, asked - known)
            if count := re.fullmatch(r"(\d+) (?:calls|failed)", words):
                assert listed.result_count == int(count[1]), words
            elif "q" in asked:
                assert words in {row.name for row in listed.result_list}
    finally:
        PARTS.drop(live.POOL, pool)


def test_who_may_not_look_at_calls_and_accounts_does_not_see_them_here(client: Client) -> None:
    accounts.add(
        {"name": "account-of-ours", "source": "api_key", "secret": "sk-ant-api03-xxxxxxxxxxxx"},
        principal=SOMEBODY,
    )
    services.write([row(502, failure_message="no connection")])
    client.force_login(User.objects.create_user("clerk", is_staff=True))
    page = client.get("/admin/").content.decode()
    assert "Ready" in page or "Not ready" in page
    for words in ("account-of-ours", "no connection", "last hour", "alice"):
        assert words not in page


@pytest.mark.django_db
def test_the_first_page_asks_little(admin_client: Any, django_assert_max_num_queries: Any) -> None:
    """However many rows there are: counts of the hour come from indexes, and end at a bound."""
    admin_client.get("/admin/")
    with django_assert_max_num_queries(12):
        assert admin_client.get("/admin/").status_code == 200
    with django_assert_max_num_queries(8):
        overview()
