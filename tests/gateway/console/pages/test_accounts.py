"""`/console/accounts/`: each role, each page, each action."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import pytest
from django.test import Client

from accounts import services
from accounts.models import Account
from gateway.kernel.secrets import fingerprint
from gateway.models import AuditRow
from providers import services as providers
from tests.fakes.openai_vendor import KEY, OpenAiVendor
from tests.gateway.console.pages.people import browser, serve
from tests.principals import SOMEBODY

pytestmark = pytest.mark.django_db
NEW = {"name": "new", "provider": "anthropic", "secret": "sk-ant-api-secret"}
LOGIN = {
    "claudeAiOauth": {"accessToken": "sk-ant-oat01-new", "refreshToken": "r", "expiresAt": 4_000_000_000_000}
}
HERE = "/console/accounts/a-b/"
ACTIONS: dict[str, dict[str, str]] = {
    "/console/add-account/?source=api_key": NEW,
    **{f"{HERE}{action}/": {} for action in ("reset", "pause", "resume", "test")},
    f"{HERE}change/": {"provider": "anthropic", "weight": "7"},
    f"{HERE}login/": {"secret": "sk-ant-api-second"},
    f"{HERE}remove/": {"sure": "on"},
}


@pytest.fixture(autouse=True)
def one_account(options: Any, tmp_path: Path) -> None:
    options(
        DATA_DIR=tmp_path, CLAUDE_CODE_HOME=str(tmp_path / "none"), UPSTREAM_BASE_URL="http://127.0.0.1:1"
    )
    services.add({"name": "a-b", "source": "api_key", "secret": "sk-ant-api-1"}, principal=SOMEBODY)


def text(client: Client, url: str) -> str:
    return client.get(url).content.decode()


@pytest.mark.parametrize("url", ACTIONS)
@pytest.mark.parametrize(
    ("role", "may"), [("viewer", False), ("operator", True), ("admin", True), (None, False)]
)
def test_each_role_and_each_action(role: str | None, may: bool, url: str) -> None:
    Account.objects.update(is_paused=url.endswith("resume/"))
    before = AuditRow.objects.count()
    answer = browser(role).post(url, ACTIONS[url])
    assert answer.status_code == (302 if may else 403)
    assert AuditRow.objects.count() == before + may


def test_developers_and_strangers_see_nothing(client: Client) -> None:
    for url in ("/console/accounts/", HERE, "/console/add-account/"):
        assert browser("developer", is_staff=False).get(url).status_code == 403
        assert client.get(url).status_code == 302
    assert client.post(f"{HERE}pause/").status_code == 302 and not Account.objects.get().is_paused


def test_cards_have_the_buttons_that_their_reader_may_press() -> None:
    seen = text(browser("operator"), "/console/accounts/")
    assert 'data-test="account" data-name="a-b"' in seen
    for hook in ("reset", "pause", "test", "add-account"):
        assert f'data-test="{hook}"' in seen
    assert 'data-test="save"' in text(browser("operator"), HERE)
    for url in ("/console/accounts/", HERE):
        assert "<form" not in text(browser("viewer"), url).split("<main")[1].replace(
            '<form class="search"', ""
        )


def test_actions_lead_back_to_where_they_were_pressed_and_say_what_was_done() -> None:
    client = browser("operator")
    for back, there in (
        ("overview", "/console/#accounts"),
        ("accounts", "/console/accounts/"),
        ("account", HERE),
    ):
        answer = client.post(f"{HERE}pause/", {"back": back})
        assert answer["Location"] == there
    assert "a-b is paused." in text(client, HERE)
    assert client.post(f"{HERE}pause/", {"back": "//evil.test/"})["Location"] == HERE


def test_the_wizard_asks_by_source_and_adds() -> None:
    client = browser("operator")
    assert 'data-test="source-azure"' in text(client, "/console/add-account/")
    for source, named in (("api_key", "secret"), ("azure", "tenant_id"), ("directory", "location")):
        page = text(client, f"/console/add-account/?source={source}")
        assert f'name="{named}"' in page and ('name="tenant_id"' in page) is (source == "azure")
    answer = client.post("/console/add-account/?source=api_key", {**NEW, "request_caps": "50/60\n9/1"})
    assert answer["Location"] == "/console/accounts/new/"
    row = Account.objects.get(name="new")
    assert (row.provider, len(row.request_caps)) == ("anthropic", 2)
    entry = AuditRow.objects.get(action="account.create", via="console")
    assert "sk-ant" not in json.dumps([entry.before, entry.after])


@pytest.mark.parametrize(
    ("changed", "words"),
    [
        ({"name": "a-b"}, "exists already"),
        ({"name": "a b"}, "ASCII letters"),
        ({"secret": ""}, "needs its secret"),
        ({"weight": "much"}, "must be a number"),
        ({"request_caps": "50"}, "50/60"),
        ({"colour": "red"}, "unknown field"),
    ],
)
def test_a_mistake_is_told_beside_its_field_and_secrets_are_not_shown_again(changed: Any, words: str) -> None:
    answer = browser("operator").post("/console/add-account/?source=api_key", {**NEW, **changed})
    assert answer.status_code == 400 and words in answer.content.decode()
    assert "sk-ant" not in answer.content.decode() and not Account.objects.filter(name="new").exists()


def test_an_unknown_source_is_named() -> None:
    assert browser().get("/console/add-account/?source=x").status_code == 400


def test_an_account_that_needs_a_login_comes_back_by_the_page_s_own_steps() -> None:
    pair = {"name": "tired", "source": "oauth", "secret": "sk-ant-oat01-old", "refresh_token": "old"}
    row = services.add(pair, principal=SOMEBODY)
    services.mark_dead(row.id, fingerprint("sk-ant-oat01-old"), "refused", principal=SOMEBODY)
    serve()
    client = browser("operator")
    assert 'href="/console/accounts/tired/#login"' in text(client, "/console/accounts/")
    page = text(client, "/console/accounts/tired/")
    assert "Log in again" in page and 'data-test="steps"' in page and 'name="credentials"' in page
    answer = client.post("/console/accounts/tired/login/", {"credentials": "no JSON"})
    assert answer.status_code == 400 and "not valid JSON" in answer.content.decode()
    answer = client.post("/console/accounts/tired/login/", {"credentials": json.dumps(LOGIN)})
    assert answer["Location"] == "/console/accounts/tired/"
    page = text(client, "/console/accounts/tired/")
    assert '<span class="tag">ready</span>' in page and "sk-ant-oat01" not in page


def test_nothing_given_is_no_login() -> None:
    answer = browser("operator").post(f"{HERE}login/", {"secret": ""})
    assert answer.status_code == 400 and "must be given" in answer.content.decode()


def test_terms_are_changed_and_what_the_environment_names_stays_there() -> None:
    client = browser("operator")
    sent = {
        "provider": "anthropic",
        "priority": "",
        "weight": "7",
        "max_parallel": "3",
        "proxy": "http://p:1",
    }
    assert client.post(f"{HERE}change/", sent).status_code == 302
    row = Account.objects.get()
    assert (row.priority, row.weight, row.max_parallel, bool(row.encrypted_proxy)) == (100, 7, 3, True)
    Account.objects.update(is_managed=True)
    page = text(client, HERE)
    assert (
        "set by the environment" in page
        and 'name="provider"' not in page
        and 'data-test="remove"' not in page
    )
    assert client.post(f"{HERE}change/", sent).status_code == 400
    assert client.post(f"{HERE}remove/", {"sure": "on"}).status_code == 400


def test_removing_asks_first() -> None:
    client = browser("operator")
    assert client.post(f"{HERE}remove/").status_code == 400 and Account.objects.exists()
    assert client.post(f"{HERE}remove/", {"sure": "on"})["Location"] == "/console/accounts/"
    assert not Account.objects.exists() and client.get(HERE).status_code == 404


def test_lists_are_narrowed_by_their_address() -> None:
    services.add({"name": "other", "source": "api_key", "secret": "x", "provider": "q"}, principal=SOMEBODY)
    client = browser("viewer")
    for query, found in (
        ("?provider=q", ["other"]),
        ("?q=A-", ["a-b"]),
        ("?q=zz", []),
        ("", ["a-b", "other"]),
    ):
        assert re.findall('data-name="([^"]*)"', text(client, f"/console/accounts/{query}")) == found


def test_what_there_is_not() -> None:
    client = browser("operator")
    for action in ("pause", "change", "login", "remove", "test"):
        assert client.post(f"/console/accounts/nobody/{action}/").status_code == 404
        assert client.get(f"{HERE}{action}/").status_code == 405
    assert client.post(f"{HERE}explode/").status_code == 404


def test_a_test_tells_what_the_upstream_says() -> None:
    with OpenAiVendor() as vendor:
        providers.upsert({"name": "p", "base_url": vendor.url}, principal=SOMEBODY)
        for name, secret in (("good", KEY), ("bad", "wrong")):
            row = {"name": name, "source": "api_key", "secret": secret, "provider": "p"}
            services.add(row, principal=SOMEBODY)
        client = browser("operator")
        for name, word in (("good", "200, ok"), ("bad", "401")):
            answer = client.post(f"/console/accounts/{name}/test/", {"back": "accounts"}, follow=True)
            assert f"{name}: {word}" in answer.content.decode()
    assert AuditRow.objects.filter(action="account.test", via="console").count() == 2


def test_the_pages_of_one_take_few_queries(django_assert_max_num_queries: Any) -> None:
    serve()
    client = browser()
    client.get(HERE)
    for url in (HERE, "/console/add-account/", "/console/add-account/?source=oauth"):
        with django_assert_max_num_queries(12):
            assert client.get(url).status_code == 200
