"""The admin's first page: what an operator must see at 2 a.m."""

import time
from datetime import UTC, datetime, timedelta

import pytest
from django.contrib.auth.models import User
from django.test import Client
from uuid_utils import uuid7

from accounts import live
from accounts import services as accounts
from accounts.pool import Pool
from gateway.console.overview import overview
from gateway.exchange import Exchange
from gateway.usage import services
from providers.dialects.types import FailureKind, Usage
from providers.drivers.base import Scope
from tests.accounts.building import OWN, call, limit

pytestmark = pytest.mark.django_db


def row(status: int, ago: timedelta = timedelta(minutes=1), **given: object) -> Exchange:
    at = datetime.now(UTC) - ago
    exchange = Exchange(id=str(uuid7()), started_at=at.timestamp(), surface="messages", status=status)
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
    accounts.add({"name": "one", "source": "api_key", "secret": "sk-ant-api03-xxxxxxxxxxxx"})
    accounts.add({"name": "two", "source": "api_key", "secret": "sk-ant-api03-yyyyyyyyyyyy"})
    accounts.pause("two")
    by_name = {line.name: line for line in overview().accounts}
    assert by_name["one"].is_healthy
    assert by_name["two"].state == "paused"
    assert not by_name["two"].is_healthy


def test_a_provider_to_which_no_call_goes_is_named_first(client: Client) -> None:
    pool = Pool()
    live.use(pool)
    try:
        call(pool, limit(Scope.ACCOUNT, 60, time.time()), provider="litellm", own=OWN)
        assert [(one.name, one.state) for one in overview().resting] == [("litellm", "cooling")]
        client.force_login(User.objects.create_superuser("root", "a@example.com", "x"))
        page = client.get("/admin/").content.decode()
    finally:
        live.forget(pool)
    assert page.index("s more: upstream returned 429") < page.index("<caption>Accounts</caption>")


def test_the_page_shows_it_to_staff_without_secrets(client: Client) -> None:
    accounts.add({"name": "one", "source": "api_key", "secret": "sk-ant-api03-xxxxxxxxxxxx"})
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
