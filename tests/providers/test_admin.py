"""Admin pages: edit without ever showing a key, the test button, routes, the model map."""

from __future__ import annotations

import re
import time
from typing import Any

import pytest
from django.contrib.auth.models import User
from django.test import Client

from accounts.pool.pool import Pool
from providers import route_services, services
from providers.catalog.store import headers_of, record_of
from providers.drivers.base import Scope
from providers.models import ModelMap, Provider, ProviderClear, Route
from tests.accounts.building import OWN, call, limit
from tests.fakes.openai_vendor import KEY, OpenAiVendor
from tests.principals import SOMEBODY

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.usefixtures("data_dir")]
PROVIDERS, ROUTES, MAP = (f"/admin/providers/{name}/" for name in ("provider", "route", "modelmap"))


@pytest.fixture
def browser() -> Client:
    client = Client()
    client.force_login(User.objects.create_superuser("admin", password="x"))
    return client


def form(**values: Any) -> dict[str, Any]:
    return {
        "name": "p", "kind": "openai-compatible", "base_url": "http://p/v1", "default_model": "", "model_names": "[]",
        "api_key_env": "", "is_enabled": "on", "priority": "100", "responses": "auto", "login": "pool", "api_key": "",
        "headers": "", **values,
    }  # fmt: skip


def key() -> str | None:
    credential = record_of(Provider.objects.get()).credential
    return None if credential is None else credential.secret


def test_a_provider_is_added_changed_and_never_shows_its_secrets(browser: Client) -> None:
    added = browser.post(f"{PROVIDERS}add/", form(api_key="CANARY-1", headers='{"x-a": "CANARY-2"}'))
    assert added.status_code == 302
    row = Provider.objects.get()
    page = f"{PROVIDERS}{row.pk}/change/"
    assert key() == "CANARY-1" and headers_of(row) == {"x-a": "CANARY-2"}
    shown = browser.get(page).content.decode() + browser.get(PROVIDERS).content.decode()
    assert ">null<" not in shown and ">\nnull<" not in shown
    assert "CANARY" not in shown and "gcm1" not in shown and "x-a" in shown
    assert browser.post(page, form(priority="5", model_names='["m"]')).status_code == 302
    row.refresh_from_db()
    assert (row.priority, row.model_names, key(), row.header_names) == (5, ["m"], "CANARY-1", ["x-a"])
    browser.post(page, form(api_key="new"))
    assert key() == "new"
    browser.post(page, form(no_api_key="on", no_headers="on"))
    row.refresh_from_db()
    assert key() is None and row.header_names == []


def test_what_is_taken_out_of_the_options_is_gone(browser: Client) -> None:
    vertex = {"kind": "vertex", "base_url": ""}
    given = {"project": "p-1", "region": "europe-west1"}
    services.upsert({"name": "p", **vertex, **given}, principal=SOMEBODY)
    row = Provider.objects.get()
    page = f"{PROVIDERS}{row.pk}/change/"
    assert "europe-west1" in browser.get(page).content.decode()
    assert browser.post(page, form(**vertex)).status_code == 302  # nothing was said about them
    row.refresh_from_db()
    assert row.options == given
    assert browser.post(page, form(**vertex, options='{"project": "p-1"}')).status_code == 302
    row.refresh_from_db()
    assert row.options == {"project": "p-1"}
    refused = browser.post(page, form(**vertex, options=""))
    assert "project" in str(refused.context["adminform"].form.errors["options"])


def test_mistakes_are_told_beside_the_field(browser: Client) -> None:
    for field, value in (
        ("base_url", "u"),
        ("name", "b ad"),
        ("model_names", '"m"'),
        ("headers", '{"host": "x"}'),
    ):
        page = browser.post(f"{PROVIDERS}add/", form(**{field: value}))
        assert page.status_code == 200, field
        assert field in page.context["adminform"].form.errors
    assert not Provider.objects.exists()


def test_enable_disable_and_delete(browser: Client) -> None:
    row = services.upsert({"name": "p", "base_url": "http://p"}, principal=SOMEBODY)
    for action, is_enabled in (("disable", False), ("enable", True)):
        browser.post(PROVIDERS, {"action": action, "_selected_action": [row.pk]})
        row.refresh_from_db()
        assert row.is_enabled is is_enabled
    browser.post(f"{PROVIDERS}{row.pk}/delete/", {"post": "yes"})
    assert not Provider.objects.exists()


def test_what_is_held_against_a_provider_is_cleared_from_the_list(browser: Client) -> None:
    row = services.upsert({"name": "p", "base_url": "http://p"}, principal=SOMEBODY)
    page = browser.post(PROVIDERS, {"action": "clear", "_selected_action": [row.pk]}, follow=True)
    assert [str(one) for one in page.context["messages"]] == ["p: cleared"]
    assert ProviderClear.objects.filter(provider="p").exists()


def test_the_list_and_the_page_say_that_no_call_goes_there_now(browser: Client, serving: Pool) -> None:
    row = services.upsert({"name": "p", "base_url": "http://p"}, principal=SOMEBODY)
    assert "may be called" in browser.get(PROVIDERS).content.decode()
    call(serving, limit(Scope.ACCOUNT, 60, time.time()), provider="p", own=OWN)
    for path in (PROVIDERS, f"{PROVIDERS}{row.pk}/change/"):
        shown = browser.get(path).content.decode()
        assert re.search(r"on cooldown until [\w: ]+ \(in \d+ s\): upstream returned 429", shown)
    services.disable("p", principal=SOMEBODY)
    assert "on cooldown" not in browser.get(PROVIDERS).content.decode()


def test_the_button_lists_the_providers_models(browser: Client) -> None:
    with OpenAiVendor() as vendor:
        row = services.upsert(
            {"name": "p", "base_url": f"{vendor.url}/v1", "api_key": KEY}, principal=SOMEBODY
        )
        page = f"{PROVIDERS}{row.pk}/change/"
        assert f"{PROVIDERS}{row.pk}/test/" in browser.get(page).content.decode()
        told = browser.post(f"{PROVIDERS}{row.pk}/test/", follow=True).content.decode()
        assert "200, ok; models: gpt-test" in told
        assert browser.get(f"{PROVIDERS}{row.pk}/test/").status_code == 405
        services.change("p", {"api_key": "wrong"}, principal=SOMEBODY)
        assert ": 401, upstream" in browser.post(f"{PROVIDERS}{row.pk}/test/", follow=True).content.decode()
        assert browser.post(f"{PROVIDERS}999/test/").status_code == 302


def test_the_page_says_whose_key_it_is_or_what_is_wrong_with_it(
    browser: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    values = {"name": "g", "kind": "gonka", "base_url": "http://127.0.0.1:1", "options": {"mode": "signed"}}
    row = services.upsert({**values, "api_key": "11" * 32}, principal=SOMEBODY)
    page = f"{PROVIDERS}{row.pk}/change/"
    shown = browser.get(page).content.decode()
    assert "signs as gonka1l3e9pgs3mmwuwrh95fecme0s0qtn2880el49wm" in shown and "11" * 32 not in shown
    monkeypatch.setenv("HERE", "CANARY")
    services.change("g", {"api_key_env": "HERE"}, principal=SOMEBODY)
    shown = browser.get(page).content.decode()
    assert "KEY OF NO USE" in shown and "CANARY" not in shown


def test_testing_needs_the_right_to_change(browser: Client) -> None:
    row = services.upsert({"name": "p", "base_url": "http://127.0.0.1:1"}, principal=SOMEBODY)
    User.objects.create_user("clerk", password="x", is_staff=True)
    clerk = Client()
    clerk.force_login(User.objects.get(username="clerk"))
    assert clerk.post(f"{PROVIDERS}{row.pk}/test/").status_code == 403
    assert clerk.get(f"{ROUTES}test/").status_code == 403


def test_routes_are_edited_and_tried(browser: Client) -> None:
    services.upsert({"name": "p", "base_url": "http://p"}, principal=SOMEBODY)
    values = {
        "model": "claude-kimi", "provider": "p", "upstream_model": "kimi", "priority": "100", "is_listed": "on",
        "display_name": "", "fallbacks": '[{"provider": "anthropic", "model": "claude-x"}]',
    }  # fmt: skip
    assert browser.post(f"{ROUTES}add/", values).status_code == 302
    row = Route.objects.get()
    assert row.fallbacks == [{"provider": "anthropic", "model": "claude-x"}]
    renamed = {**values, "model": "claude-k2", "fallbacks": "[]"}
    assert browser.post(f"{ROUTES}{row.pk}/change/", renamed).status_code == 302
    assert [(one.model, one.fallbacks) for one in route_services.listed()] == [("claude-k2", [])]
    assert browser.post(f"{ROUTES}add/", {**values, "fallbacks": '["p"]'}).status_code == 200
    tried = browser.get(f"{ROUTES}test/?model=claude-k2&surface=messages").content.decode()
    assert "http://p" in tried and "kimi" in tried and "route claude-k2" in tried
    assert "does not exist" in browser.get(f"{ROUTES}test/?model=zz&surface=responses").content.decode()
    assert "Where a call goes" in browser.get(ROUTES).content.decode()
    browser.post(f"{ROUTES}{row.pk}/delete/", {"post": "yes"})
    assert not Route.objects.exists()


def test_the_model_map_is_edited(browser: Client) -> None:
    entry = {"pattern": "gpt-z", "target": "claude-z", "position": "100"}
    assert browser.post(f"{MAP}add/", entry).status_code == 302
    row = ModelMap.objects.get(pattern="gpt-z")
    browser.post(f"{MAP}{row.pk}/change/", {**entry, "target": "claude-y"})
    assert ModelMap.objects.get(pattern="gpt-z").target == "claude-y"
    browser.post(f"{MAP}{row.pk}/delete/", {"post": "yes"})
    assert not ModelMap.objects.filter(pattern="gpt-z").exists()
