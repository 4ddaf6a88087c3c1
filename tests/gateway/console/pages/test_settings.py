"""`/console/settings/`: for admins; what the environment says is shown, and changed nowhere here."""

from __future__ import annotations

from typing import Any

import pytest
from django.contrib.auth.models import Group as LoginGroup
from django.contrib.auth.models import User

from accounts import services as accounts
from gateway.console.pages.settings import SECTIONS, staff
from gateway.models import AuditRow
from tests.gateway.console.pages.people import browser
from tests.principals import SOMEBODY
from tokens.groups import services as groups
from tokens.policies import services as policies

pytestmark = pytest.mark.django_db
PATH = "/console/settings/"
ACTIONS: dict[str, dict[str, str]] = {
    f"{PATH}strategy/": {"strategy": "priority"},
    f"{PATH}policy/": {"group": "*", "settings": '{"env": {"A": "b"}}'},
    f"{PATH}policy/remove/": {"group": "*", "sure": "on"},
}


@pytest.mark.parametrize("url", ACTIONS)
@pytest.mark.parametrize(
    ("role", "may"), [("viewer", False), ("operator", False), ("admin", True), (None, False)]
)
def test_each_role_and_each_action(role: str | None, may: bool, url: str) -> None:
    policies.put("*", {"env": {"A": "z"}}, principal=SOMEBODY)
    before = AuditRow.objects.count()
    assert browser(role).post(url, ACTIONS[url]).status_code == (302 if may else 403)
    assert AuditRow.objects.count() == before + may


def test_the_strategy_is_set_and_given_back() -> None:
    client = browser()
    assert client.post(f"{PATH}strategy/", {"strategy": "weighted"}).status_code == 302
    assert accounts.strategy() == "weighted"
    page = client.get(PATH).content.decode()
    assert "in force: weighted" in page and '<option value="weighted" selected>' in page
    client.post(f"{PATH}strategy/", {"strategy": ""})
    assert accounts.strategy() == ""
    assert client.post(f"{PATH}strategy/", {"strategy": "fastest"}).status_code == 400


def test_managed_settings_are_given_shown_and_taken_away() -> None:
    groups.create("red", principal=SOMEBODY)
    client = browser()
    sent = {"group": "red", "settings": '{"env": {"A": "b"}, "unheardOf": 1}'}
    answer = client.post(f"{PATH}policy/", sent, follow=True)
    page = answer.content.decode()
    assert 'data-test="policy"' in page and "unheardOf" in page  # told as what may be a mistake
    assert "&quot;A&quot;: &quot;b&quot;" in client.get(f"{PATH}?policy=red").content.decode()
    assert client.post(f"{PATH}policy/remove/", {"group": "red"}).status_code == 400
    assert client.post(f"{PATH}policy/remove/", {"group": "red", "sure": "on"}).status_code == 302
    assert policies.find_all() == []
    assert client.post(f"{PATH}policy/remove/", {"group": "red", "sure": "on"}).status_code == 404


@pytest.mark.parametrize(
    ("changed", "words"),
    [
        ({"settings": "{"}, "not valid JSON"),
        ({"settings": "[]"}, "must be a JSON object"),
        ({"group": "nobody"}, "nobody"),
        ({"colour": "red"}, "unknown field"),
    ],
)
def test_a_mistake_is_told_and_nothing_is_stored(changed: dict[str, str], words: str) -> None:
    answer = browser().post(f"{PATH}policy/", {"group": "*", "settings": "{}", **changed})
    assert answer.status_code == 400 and words in answer.content.decode() and policies.find_all() == []


def test_what_the_environment_says_is_shown_as_such(options: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AUDIT_RETENTION_DAYS", "30")
    options(AUDIT_RETENTION_DAYS=30, OIDC_CLIENT_SECRET="hidden-secret")
    page = browser().get(PATH).content.decode()
    for _, names in SECTIONS:
        for name in names:
            assert f'data-name="{name}"' in page
    row = page.split('data-name="AUDIT_RETENTION_DAYS"')[1].split("</tr>")[0]
    assert ">30<" in row and "the environment" in row
    assert "hidden-secret" not in page


def test_who_has_which_role_is_told_the_highest_first() -> None:
    for name, role in (("v", "viewer"), ("a", "admin"), ("none", None)):
        user = User.objects.create_user(f"{name}@example.org", is_staff=True)
        if role:
            user.groups.add(LoginGroup.objects.get(name=f"role:{role}"))
    User.objects.create_superuser("root@example.org")
    assert [(each["name"], each["role"]) for each in staff()] == [
        ("a@example.org", "admin"),
        ("root@example.org", "admin"),
        ("v@example.org", "viewer"),
        ("none@example.org", None),
    ]
