"""`/console/providers/`: each role, each page, each action; models are ticked."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import pytest
from django.test import Client

from gateway.models import AuditRow
from providers import services
from providers.models import Provider
from tests.fakes.openai_vendor import KEY, OpenAiVendor
from tests.gateway.console.pages.people import browser, serve
from tests.principals import SOMEBODY

pytestmark = pytest.mark.django_db
HERE = "/console/providers/p/"
AWAY = "http://127.0.0.1:1/v1"
ACTIONS: dict[str, dict[str, str]] = {
    "/console/add-provider/": {"name": "q", "base_url": AWAY},
    **{f"{HERE}{action}/": {} for action in ("clear", "disable", "enable", "test")},
    f"{HERE}change/": {"base_url": AWAY, "priority": "5"},
    f"{HERE}models/": {"models": "m"},
    f"{HERE}remove/": {"sure": "on"},
}


@pytest.fixture(autouse=True)
def one_provider(options: Any, tmp_path: Path) -> None:
    options(DATA_DIR=tmp_path, CLAUDE_CODE_HOME=str(tmp_path / "none"), UPSTREAM_BASE_URL=AWAY)
    services.upsert(
        {"name": "p", "base_url": AWAY, "api_key": "k-secret", "models": ["old"]}, principal=SOMEBODY
    )


def text(client: Client, url: str) -> str:
    return client.get(url).content.decode()


@pytest.mark.parametrize("url", ACTIONS)
@pytest.mark.parametrize(
    ("role", "may"), [("viewer", False), ("operator", True), ("admin", True), (None, False)]
)
def test_each_role_and_each_action(role: str | None, may: bool, url: str) -> None:
    Provider.objects.update(is_enabled=not url.endswith("enable/"))
    before = AuditRow.objects.count()
    assert browser(role).post(url, ACTIONS[url]).status_code == (302 if may else 403)
    assert (AuditRow.objects.count() > before) is may


def test_developers_and_strangers_see_nothing(client: Client) -> None:
    for url in (
        "/console/providers/",
        HERE,
        "/console/add-provider/",
        "/console/routes/",
        "/console/prices/",
    ):
        assert browser("developer", is_staff=False).get(url).status_code == 403
        assert client.get(url).status_code == 302


def test_cards_have_the_buttons_that_their_reader_may_press() -> None:
    seen = text(browser("operator"), "/console/providers/")
    assert 'data-test="provider" data-name="p"' in seen and 'data-name="anthropic"' in seen
    for hook in ("clear", "test", "disable", "add-provider"):
        assert f'data-test="{hook}"' in seen
    for url in ("/console/providers/", HERE):
        page = text(browser("viewer"), url).split("<main")[1]
        assert 'method="post"' not in page and "add-provider" not in page
        assert "k-secret" not in page


def test_what_the_environment_names_is_shown_as_such() -> None:
    client = browser("operator")
    page = text(client, "/console/providers/anthropic/")
    assert "set by the environment" in page and 'data-test="clear"' in page
    assert 'data-test="save"' not in page and 'data-test="remove"' not in page
    assert client.post("/console/providers/anthropic/clear/").status_code == 302
    assert client.post("/console/providers/anthropic/change/").status_code == 404


def test_a_provider_is_added_tested_and_its_models_are_ticked() -> None:
    with OpenAiVendor() as vendor:
        vendor.models = ["b", "a"]
        client = browser("operator")
        assert 'data-test="save"' in text(client, "/console/add-provider/")
        sent = {"name": "v", "base_url": vendor.url, "api_key": KEY}
        answer = client.post("/console/add-provider/?kind=openai-compatible", sent)
        assert answer["Location"] == "/console/providers/v/#models"
        page = text(client, "/console/providers/v/")
        assert "200, ok" in page and 'data-test="models-found"' in page
        assert re.findall('name="models" value="([^"]*)"', page) == ["b", "a"]
        assert client.post("/console/providers/v/models/", {"models": ["a"]}).status_code == 302
        assert Provider.objects.get(name="v").model_names == ["a"]
        page = text(client, "/console/providers/v/")
        assert 'value="a" checked>' in page and 'value="b">' in page
    actions = AuditRow.objects.filter(via="console").order_by("id")
    assert [row.action for row in actions] == ["provider.create", "provider.test", "provider.change"]
    assert KEY not in json.dumps([[row.before, row.after] for row in actions])


def test_one_that_does_not_answer_is_added_and_says_so() -> None:
    client = browser("operator")
    assert client.post("/console/add-provider/", {"name": "q", "base_url": AWAY}).status_code == 302
    assert "no answer" in text(client, "/console/providers/q/")


@pytest.mark.parametrize(
    ("changed", "words"),
    [
        ({"name": "p"}, "of this name already"),
        ({"base_url": "ftp://x"}, "must be http(s)"),
        ({"headers": "x"}, "each line must be"),
        ({"colour": "red"}, "unknown field"),
    ],
)
def test_a_mistake_is_told_and_nothing_is_stored(changed: dict[str, str], words: str) -> None:
    sent = {"name": "q", "base_url": AWAY, "api_key": "k-second", **changed}
    answer = browser("operator").post("/console/add-provider/", sent)
    assert answer.status_code == 400 and words in answer.content.decode()
    assert "k-second" not in answer.content.decode() and Provider.objects.count() == 1
    assert browser().get("/console/add-provider/?kind=x").status_code == 400


def test_fields_are_changed_and_the_key_stays_unless_it_is_taken_out() -> None:
    client = browser("operator")
    sent = {
        "base_url": AWAY,
        "priority": "5",
        "models": "x\r\ny",
        "idle_timeout_seconds": "9",
        "responses": "native",
    }
    assert client.post(f"{HERE}change/", {**sent, "login": "pool"}).status_code == 400  # none of its fields
    assert client.post(f"{HERE}change/", sent)["Location"] == HERE
    row = Provider.objects.get()
    assert (row.priority, row.model_names, row.idle_timeout_seconds) == (5, ["x", "y"], 9.0)
    assert row.responses == "native" and row.encrypted_api_key
    client.post(f"{HERE}change/", {**sent, "no_api_key": "on"})
    assert not Provider.objects.get().encrypted_api_key


def test_removing_asks_first() -> None:
    client = browser("operator")
    assert client.post(f"{HERE}remove/").status_code == 400
    assert client.post(f"{HERE}remove/", {"sure": "on"})["Location"] == "/console/providers/"
    assert not Provider.objects.exists() and client.get(HERE).status_code == 404


def test_what_there_is_not() -> None:
    client = browser("operator")
    for action in ("clear", "change", "models", "remove", "test"):
        assert client.post(f"/console/providers/nobody/{action}/").status_code == 404
        assert client.get(f"{HERE}{action}/").status_code == 405
    assert client.post(f"{HERE}explode/").status_code == 404
    assert re.findall('data-name="([^"]*)"', text(client, "/console/providers/?q=P")) == ["p", "anthropic"]


def test_the_page_of_one_takes_few_queries(django_assert_max_num_queries: Any) -> None:
    serve()
    client = browser()
    client.get(HERE)
    for url in (HERE, "/console/routes/?ask=old", "/console/prices/", "/console/add-provider/"):
        with django_assert_max_num_queries(12):
            assert client.get(url).status_code == 200
