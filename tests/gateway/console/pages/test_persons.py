"""A person's page: her role, groups, budget and access changed there, by admins; somebody made; signed out."""

from __future__ import annotations

from pathlib import Path
from typing import Any
from urllib.parse import quote

import pytest
from django.contrib.auth.models import Group as LoginGroup
from django.contrib.auth.models import User
from django.test import Client

from gateway.models import AuditRow
from tests.gateway.console.pages.people import browser
from tests.principals import SOMEBODY
from tests.second_factor import code_of
from tests.sign_ins import person, sign_in
from tokens.groups import services as groups
from tokens.people import roles, services, standing
from tokens.signin.models import SignIn
from tokens.totp import services as totp

pytestmark = pytest.mark.django_db
NAME = "o'ann+x@example.org"
PATH = f"/console/people/person/?email={quote(NAME)}"
CHANGE, OUT, NO_TOTP, ADD = (
    "/console/people/person/change/",
    "/console/people/person/sign-out/",
    "/console/people/person/no-totp/",
    "/console/people/add/",
)
AS_SHE_IS = {"email": NAME, "name": "Ann", "role": "", "budget": "", "budget_period": "", "active": "on"}
ACTIONS: dict[str, dict[str, str]] = {
    CHANGE: {**AS_SHE_IS, "role": "viewer"},
    OUT: {"email": NAME},
    NO_TOTP: {"email": NAME},
    ADD: {"email": "new@example.org", "role": "operator"},
}


@pytest.fixture(autouse=True)
def ann(options: Any, tmp_path: Path) -> None:
    options(DATA_DIR=tmp_path)
    groups.create("dev", principal=SOMEBODY)
    groups.create("ops", principal=SOMEBODY)
    person(NAME, name="Ann", groups=["dev"])


def with_code(user: User) -> None:
    totp.switch_on(user, "A" * 32, code_of("A" * 32), principal=SOMEBODY)


def page(client: Client, path: str = PATH) -> str:
    answer = client.get(path)
    assert answer.status_code == 200, answer.content
    return answer.content.decode()


@pytest.mark.parametrize("url", ACTIONS)
@pytest.mark.parametrize(
    ("role", "may"), [("viewer", False), ("operator", False), ("admin", True), (None, False)]
)
def test_each_role_and_each_action(role: str | None, may: bool, url: str) -> None:
    sign_in(services.get(NAME))
    with_code(services.get(NAME).user)
    before = AuditRow.objects.count()
    groups_too = {"groups": "dev"} if url in (CHANGE, ADD) else {}
    answer = browser(role).post(url, {**ACTIONS[url], **groups_too})
    assert answer.status_code == (302 if may else 403)
    assert AuditRow.objects.count() == before + may


def test_its_reader_sees_what_she_may() -> None:
    for role, forms in (("viewer", 0), ("operator", 0), ("admin", 2)):
        shown = page(browser(role))
        assert shown.count('action="/console/people/person/') == forms
        assert 'data-name="o&#x27;ann+x@example.org"' in shown and "dev</span>" in shown
    assert browser().get("/console/people/person/?email=none%00").status_code == 404
    assert "add-person" not in page(browser("operator"), "/console/people/")
    assert browser("operator").get(ADD).status_code == 403


def test_only_what_is_otherwise_is_changed() -> None:
    client = browser()
    sent = {
        **AS_SHE_IS,
        "role": "operator",
        "groups": ["ops", "dev"],
        "budget": "20",
        "budget_period": "month",
    }
    answer = client.post(CHANGE, sent, follow=True)
    assert answer.status_code == 200 and "was changed." in answer.content.decode()
    row = services.get(NAME)
    assert roles.role_of(row.user) == "operator" and row.user.is_staff
    assert [group.name for group in standing.groups_of(row.user)] == ["dev", "ops"]
    assert (row.budget, row.budget_period) == (20, "month")
    written = AuditRow.objects.count()
    again = client.post(CHANGE, sent, follow=True)
    assert "Nothing was otherwise." in again.content.decode() and AuditRow.objects.count() == written
    client.post(CHANGE, AS_SHE_IS)
    row = services.get(NAME)
    assert (roles.role_of(row.user), row.user.is_staff, row.budget) == (None, False, None)
    assert standing.groups_of(row.user) == []
    assert {row.action for row in AuditRow.objects.filter(via="console")} == {"person.role", "person.change"}


def test_without_the_tick_she_comes_in_no_more() -> None:
    client = browser()
    gone = {name: value for name, value in AS_SHE_IS.items() if name != "active"}
    assert client.post(CHANGE, {**gone, "groups": "dev"}).status_code == 302
    assert not services.get(NAME).user.is_active and "inactive" in page(client)


@pytest.mark.parametrize(
    ("changed", "words"),
    [
        ({"role": "queen"}, "must be one of"),
        ({"budget": "much", "budget_period": "day"}, "budget"),
        ({"budget": "5"}, "budget_period"),
        ({"groups": "none"}, "no group with the name none"),
        ({"colour": "red"}, "unknown field"),
    ],
)
def test_a_mistake_is_told_and_nothing_is_changed(changed: dict[str, str], words: str) -> None:
    before = AuditRow.objects.count()
    answer = browser().post(CHANGE, {**AS_SHE_IS, "name": "<b>x</b>", **changed})
    shown = answer.content.decode()
    assert answer.status_code == 400 and words in shown and 'value="&lt;b&gt;x&lt;/b&gt;"' in shown
    assert AuditRow.objects.count() == before


def test_the_last_admin_stays_one() -> None:
    root = person("root@example.org", role="admin").user
    client = Client()
    client.force_login(root)
    answer = client.post(CHANGE, {"email": "root@example.org", "name": "", "role": "viewer", "active": "on"})
    assert answer.status_code == 409 and "last active admin" in answer.content.decode()
    assert roles.role_of(root) == "admin"


def test_somebody_is_made() -> None:
    client = browser()
    password = "a long pass phrase"
    sent = {"email": "New@example.org", "password": password, "role": "viewer", "groups": "ops"}
    answer = client.post(ADD, sent, follow=True)
    assert "new@example.org was added." in answer.content.decode()
    made = services.get("new@example.org").user
    assert made.check_password(password) and {group.name for group in made.groups.all()} == {
        "role:viewer",
        "ops",
    }
    assert LoginGroup.objects.filter(name="role:viewer").count() == 1
    for wrong, words in (
        ({"email": NAME}, "already"),
        ({"email": "x"}, "must be an e-mail address"),
        ({"email": "y@example.org", "password": "12345678"}, "too common"),
    ):
        refused = client.post(ADD, {**sent, **wrong})
        shown = refused.content.decode()
        assert (
            refused.status_code == 400
            and words in shown
            and "12345678" not in shown
            and password not in shown
        )


def test_her_sign_ins_end() -> None:
    sign_in(services.get(NAME))
    answer = browser().post(OUT, {"email": NAME}, follow=True)
    assert "1 sign-in ended." in answer.content.decode()
    assert SignIn.objects.filter(revoked_at=None).count() == 0


def test_a_form_of_another_site_does_nothing() -> None:
    client = browser()
    client.handler.enforce_csrf_checks = True
    for url, sent in ACTIONS.items():
        assert client.post(url, sent).status_code == 403
    assert roles.role_of(services.get(NAME).user) is None


def test_a_second_factor_whose_phone_is_gone() -> None:
    admin, user = browser("admin"), services.get(NAME).user
    assert "totp-off" not in page(admin)
    with_code(user)
    assert "totp-off" in page(admin) and "totp-off" not in page(browser("operator"))
    assert admin.post(NO_TOTP, {"email": NAME, "name": "x"}).status_code == 400 and totp.is_on(user)
    assert admin.post(NO_TOTP, {"email": NAME})["Location"] == PATH
    assert not totp.is_on(user) and "totp-off" not in page(admin)
    row = AuditRow.objects.filter(action="person.totp").latest("pk")
    assert (row.subject, row.via, row.after) == (f"person:{NAME}", "console", {"second_factor": False})
