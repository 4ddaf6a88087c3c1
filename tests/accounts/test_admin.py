"""Admin pages: live state, the operator's actions, and secrets that only go in."""

from __future__ import annotations

from typing import Any

import pytest
from django.contrib.auth.models import User
from django.test import Client

from accounts import services
from accounts.credentials.sources import load_secret
from accounts.models import Account, PoolSetting
from accounts.pool import live
from accounts.pool.pool import Pool, PoolOptions
from gateway.kernel.parts import PARTS
from gateway.kernel.secrets import box
from providers.drivers.base import Outcome, QuotaWindow, Scope, Verdict
from tests.accounts.building import START, Clock, ask
from tests.principals import SOMEBODY

pytestmark = pytest.mark.django_db(transaction=True)
LIST = "/admin/accounts/account/"
CANARY = "sk-ant-api03-canary"


@pytest.fixture
def browser() -> Client:
    client = Client()
    client.force_login(User.objects.create_superuser("admin", password="x"))
    return client


def form(**values: Any) -> dict[str, Any]:
    return {
        "name": "one", "source": "api_key", "provider": "anthropic", "location": "", "secret": CANARY,
        "priority": "100", "weight": "1", "request_caps": "[]", **values,
    }  # fmt: skip


def secret_of(row: Account) -> str:
    credential = load_secret(row, None, box()).credential
    assert credential is not None
    return credential.secret


def test_add_and_change_without_ever_showing_the_secret(browser: Client) -> None:
    assert browser.post(f"{LIST}add/", form(weight="4")).status_code == 302
    row = Account.objects.get()
    assert (row.weight, secret_of(row)) == (4, CANARY)
    page = browser.get(f"{LIST}{row.pk}/change/")
    assert page.status_code == 200 and "canary" not in page.content.decode()
    browser.post(f"{LIST}{row.pk}/change/", form(secret="", weight="5"))
    row.refresh_from_db()
    assert (row.weight, secret_of(row)) == (5, CANARY)
    browser.post(f"{LIST}{row.pk}/change/", form(secret=CANARY + "2", weight="5"))
    row.refresh_from_db()
    assert secret_of(row) == CANARY + "2"
    assert "canary" not in browser.get(LIST).content.decode()


def test_mistakes_are_told_beside_the_field(browser: Client) -> None:
    page = browser.post(f"{LIST}add/", form(name="primary"))
    assert page.status_code == 200 and "kept for accounts named by the environment" in page.content.decode()
    page = browser.post(f"{LIST}add/", form(request_caps='[{"requests": 0}]'))
    assert "request_caps" in page.content.decode() and not Account.objects.exists()
    services.add({"name": "one", "source": "api_key", "secret": "k"}, principal=SOMEBODY)
    assert browser.post(f"{LIST}add/", form()).status_code == 200


def test_a_region_is_given_and_taken_away(browser: Client) -> None:
    assert browser.post(f"{LIST}add/", form(region="eu-central-1")).status_code == 302
    row = Account.objects.get()
    assert row.region == "eu-central-1"
    browser.post(f"{LIST}{row.pk}/change/", form(region="", secret=""))
    row.refresh_from_db()
    assert row.region == ""


def test_live_state_of_the_serving_pool_is_shown(browser: Client) -> None:
    services.add({"name": "one", "source": "api_key", "secret": "k"}, principal=SOMEBODY)
    pool = Pool(PoolOptions(clock=Clock(), jitter=lambda: 0.0))
    pool.load()
    PARTS.put(live.POOL, pool)
    try:
        windows = (QuotaWindow("7d_opus", "rejected", 1.01, START + 90),)
        verdict = Verdict(Outcome.RETRY_OTHER, Scope.FAMILY, START + 90, reason="opus limit", windows=windows)
        pool.report(pool.choose(ask()), verdict)
        text = browser.get(LIST).content.decode()
        assert (
            "family opus: until 08:01 UTC (in 90 s), opus limit" in text
            and "7d_opus: 101.0 % used, until" in text
        )
        page = browser.get(f"{LIST}{Account.objects.get().pk}/change/").content.decode()
        assert "only authorized for use with Claude Code" in page
        browser.post(LIST, {"action": "clear", "_selected_action": [str(Account.objects.get().pk)]})
        pool.apply_changes()
        assert pool.choose(ask())
    finally:
        PARTS.drop(live.POOL, pool)


def test_actions(browser: Client) -> None:
    pk = str(services.add({"name": "one", "source": "api_key", "secret": "k"}, principal=SOMEBODY).pk)
    browser.post(LIST, {"action": "pause", "_selected_action": [pk]})
    assert Account.objects.get().is_paused
    browser.post(LIST, {"action": "resume", "_selected_action": [pk]})
    assert not Account.objects.get().is_paused
    browser.post(LIST, {"action": "delete_selected", "_selected_action": [pk], "post": "yes"})
    assert not Account.objects.exists()


def test_what_the_environment_names_cannot_be_deleted_here(
    browser: Client, options: Any, tmp_path: Any
) -> None:
    options(CLAUDE_CODE_HOME=tmp_path, ADDITIONAL_ACCOUNT_DIRS=(), ANTHROPIC_API_KEY="")
    services.sync_from_environment(principal=SOMEBODY)
    pk = str(Account.objects.get().pk)
    assert browser.post(f"{LIST}{pk}/delete/", {"post": "yes"}).status_code == 403
    browser.post(LIST, {"action": "delete_selected", "_selected_action": [pk], "post": "yes"})
    assert Account.objects.exists()
    assert browser.get(f"{LIST}{pk}/change/").status_code == 200


def test_a_window_without_figures_says_so(browser: Client) -> None:
    services.add({"name": "one", "source": "api_key", "secret": "k"}, principal=SOMEBODY)
    pool = Pool(PoolOptions(clock=Clock(), jitter=lambda: 0.0))
    pool.load()
    PARTS.put(live.POOL, pool)
    try:
        pool.report(pool.choose(ask()), Verdict(Outcome.OK, windows=(QuotaWindow("requests"),)))
        text = browser.get(LIST).content.decode()
        assert "requests: use not told" in text and "? %" not in text
    finally:
        PARTS.drop(live.POOL, pool)


def test_the_strategy(browser: Client) -> None:
    assert "ACCOUNT_ROUTING_STRATEGY" in browser.get("/admin/accounts/poolsetting/add/").content.decode()
    browser.post("/admin/accounts/poolsetting/add/", {"strategy": "priority"})
    assert PoolSetting.objects.get().strategy == "priority"
    pool = Pool()
    pool.load()
    assert pool.revision == 1


def test_the_list_asks_few_questions_however_many_accounts(
    browser: Client, django_assert_max_num_queries: Any
) -> None:
    for number in range(30):
        services.add({"name": f"a{number}", "source": "api_key", "secret": "k"}, principal=SOMEBODY)
    with django_assert_max_num_queries(15):
        browser.get(LIST)


def test_what_the_vendor_allows_is_said_where_accounts_are_added_and_shown(browser: Client) -> None:
    services.add({"name": "one", "source": "api_key", "secret": "k"}, principal=SOMEBODY)
    pk = Account.objects.get().pk
    for page in (f"{LIST}add/", f"{LIST}{pk}/change/"):
        assert "subscription logins" in browser.get(page).content.decode()


def test_the_upstream_is_asked_from_the_list(browser: Client) -> None:
    services.add(
        {"name": "one", "source": "api_key", "secret": "k", "provider": "nowhere"}, principal=SOMEBODY
    )
    pks = [str(Account.objects.get().pk)]
    answer = browser.post(LIST, {"action": "test", "_selected_action": pks}, follow=True)
    (told,) = answer.context["messages"]
    assert (told.level_tag, str(told)) == ("error", "one: provider: there is no provider named 'nowhere'")
