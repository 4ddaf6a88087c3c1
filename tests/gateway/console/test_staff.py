"""Logins and their groups: every change of Django's own pages leaves a row, and no password in it."""

from __future__ import annotations

import json
from typing import Any

import pytest
from django.contrib.auth.models import Group, Permission, User
from django.test import Client

from gateway.models import AuditRow
from tests.principals import SOMEBODY
from tests.sign_ins import person, sign_in
from tokens import services as tokens
from tokens.models import Group as TokenGroup
from tokens.models import Token

pytestmark = pytest.mark.django_db
PASSWORD = "correct-horse-battery-9"


@pytest.fixture
def bob() -> User:
    return User.objects.create_user("bob", "bob@example.org", PASSWORD)


def told() -> tuple[Any, ...]:
    """Return the only row, and forget it. No hash and no password is in any."""
    row = AuditRow.objects.get()
    kept = json.dumps([row.before, row.after])
    assert PASSWORD not in kept and "pbkdf2" not in kept and "md5$" not in kept
    assert (row.who_kind, row.via) == ("person", "admin")
    row.delete()
    return row.action, row.subject, row.before, row.after


def form_of(user: User, **changed: Any) -> dict[str, Any]:
    fields = {"username": user.username, "email": user.email, "first_name": "", "last_name": ""}
    dates = {"date_joined_0": "2026-01-01", "date_joined_1": "00:00:00"}
    return {**fields, **dates, "is_active": "on", **changed}


def test_a_login_is_made(admin_client: Client) -> None:
    form = {"username": "eve", "usable_password": "true", "password1": PASSWORD, "password2": PASSWORD}
    assert admin_client.post("/admin/auth/user/add/", form).status_code == 302
    action, subject, before, after = told()
    assert (action, subject, before) == ("person.create", "person:eve", None)
    assert (after["username"], after["password"], after["is_staff"]) == ("eve", "(secret)", False)


def test_a_login_is_changed_with_its_groups_and_permissions(admin_client: Client, bob: User) -> None:
    team, may = Group.objects.create(name="team"), Permission.objects.get(codename="view_pricerow")
    form = form_of(bob, is_staff="on", groups=[team.pk], user_permissions=[may.pk])
    assert admin_client.post(f"/admin/auth/user/{bob.pk}/change/", form).status_code == 302
    assert told() == (
        "person.change",
        "person:bob@example.org",
        {"is_staff": False, "groups": None, "permissions": None},
        {"is_staff": True, "groups": ["team"], "permissions": ["gateway.view_pricerow"]},
    )


def test_a_page_saved_as_it_was_changes_nothing(admin_client: Client, bob: User) -> None:
    assert admin_client.post(f"/admin/auth/user/{bob.pk}/change/", form_of(bob)).status_code == 302
    assert not AuditRow.objects.exists()


def test_a_password_is_set_by_an_admin(admin_client: Client, bob: User) -> None:
    url = f"/admin/auth/user/{bob.pk}/password/"
    assert admin_client.get(url).status_code == 200
    wrong = {"usable_password": "true", "password1": "a", "password2": "b"}
    assert admin_client.post(url, wrong).status_code == 200
    assert not AuditRow.objects.exists()
    fresh = PASSWORD + "x"
    form = {"usable_password": "true", "password1": fresh, "password2": fresh}
    assert admin_client.post(url, form).status_code == 302
    changed = {"password": "(secret)"}
    assert told() == ("person.change", "person:bob@example.org", changed, changed)


def test_somebody_changes_her_own_password(client: Client) -> None:
    user = User.objects.create_user("ann", "ann@example.org", PASSWORD, is_staff=True)
    client.force_login(user)
    assert client.get("/admin/password_change/").status_code == 200
    form = {"old_password": PASSWORD, "new_password1": PASSWORD + "x", "new_password2": PASSWORD + "x"}
    assert client.post("/admin/password_change/", form).status_code == 302
    assert told()[:2] == ("person.change", "person:ann@example.org")
    assert Client().get("/admin/password_change/").status_code == 302


def test_logins_are_deleted_one_by_one_and_many_at_once(admin_client: Client, bob: User) -> None:
    assert admin_client.post(f"/admin/auth/user/{bob.pk}/delete/", {"post": "yes"}).status_code == 302
    action, subject, before, after = told()
    assert (action, subject, before["username"], after) == (
        "person.remove",
        "person:bob@example.org",
        "bob",
        None,
    )
    more = [User.objects.create_user(f"u{number}", password=PASSWORD).pk for number in range(3)]
    form = {"action": "delete_selected", "_selected_action": more, "post": "yes"}
    assert admin_client.post("/admin/auth/user/", form).status_code == 302
    assert AuditRow.objects.filter(action="person.remove").count() == 3


def test_groups_of_logins(admin_client: Client) -> None:
    may = Permission.objects.get(codename="view_token")
    assert admin_client.post("/admin/auth/group/add/", {"name": "ops"}).status_code == 302
    assert told() == ("group.create", "group:ops", None, {"name": "ops"})
    pk = Group.objects.get(name="ops").pk
    form = {"name": "ops2", "permissions": [may.pk]}
    assert admin_client.post(f"/admin/auth/group/{pk}/change/", form).status_code == 302
    assert told() == (
        "group.change",
        "group:ops",
        {"name": "ops", "permissions": None},
        {"name": "ops2", "permissions": ["tokens.view_token"]},
    )
    assert admin_client.post(f"/admin/auth/group/{pk}/delete/", {"post": "yes"}).status_code == 302
    assert told()[:2] == ("group.remove", "group:ops2")


def test_what_can_not_be_recorded_is_not_done(
    admin_client: Client, bob: User, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(*_: Any, **__: Any) -> None:
        raise RuntimeError

    monkeypatch.setattr("gateway.kernel.audit.record_all", fail)
    with pytest.raises(RuntimeError):
        admin_client.post(f"/admin/auth/user/{bob.pk}/change/", form_of(bob, is_staff="on"))
    assert not User.objects.get(pk=bob.pk).is_staff


def test_sign_ins_are_shown_and_ended(admin_client: Client) -> None:
    who = person()
    token = sign_in(who)
    AuditRow.objects.all().delete()
    shown = admin_client.get(f"/admin/auth/user/{who.pk}/change/").content.decode()
    assert "claude-code/2.1.332, since " in shown and "Signed in" in shown
    form = {"action": "sign_out_selected", "_selected_action": [who.pk]}
    assert admin_client.post("/admin/auth/user/", form).status_code == 302
    assert Token.objects.get(pk=token.pk).is_revoked
    assert told() == ("person.sign-out", "person:ann@example.org", {"sign_ins": 1}, {"sign_ins": 0})
    shown = admin_client.get(f"/admin/auth/user/{who.pk}/change/").content.decode()
    assert "since" not in shown


def test_who_is_made_inactive_on_the_page_is_signed_out(admin_client: Client) -> None:
    who = person()
    token = sign_in(who)
    form = form_of(who.user)
    del form["is_active"]
    assert admin_client.post(f"/admin/auth/user/{who.pk}/change/", form).status_code == 302
    assert Token.objects.get(pk=token.pk).is_revoked


def test_a_group_that_is_used_is_not_removed(admin_client: Client) -> None:
    group = Group.objects.create(name="team")
    tokens.issue(group="team", principal=SOMEBODY)
    where = f"/admin/auth/group/{group.pk}/delete/"
    assert "token group team" in admin_client.get(where).content.decode()
    assert admin_client.post(where, {"post": "yes"}).status_code != 500
    assert Group.objects.filter(name="team").exists() and TokenGroup.objects.filter(name="team").exists()
    Token.objects.all().delete()
    assert admin_client.post(where, {"post": "yes"}).status_code == 302
    assert not TokenGroup.objects.exists()


def test_limits_of_a_person_are_kept_by_the_service(admin_client: Client) -> None:
    who = person()
    token = sign_in(who)
    AuditRow.objects.all().delete()
    where = f"/admin/tokens/person/{who.pk}/change/"
    form = {"budget": "5", "budget_period": "month", "allowed_models": "claude-*"}
    assert admin_client.post(where, form).status_code == 302
    assert told() == (
        "person.change",
        "person:ann@example.org",
        {"budget": None, "budget_currency": None, "budget_period": None, "allowed_models": None},
        {"budget": "5", "budget_currency": "USD", "budget_period": "month", "allowed_models": ["claude-*"]},
    )
    assert Token.objects.get(pk=token.pk).budget == 5
    shown = admin_client.get(where).content.decode()
    assert "claude-code/2.1.332, since" in shown and "0, 5 left" in shown
    assert "ann@example.org" in admin_client.get("/admin/tokens/person/?q=ann").content.decode()
    assert admin_client.get("/admin/tokens/person/add/").status_code == 403
    wrong = admin_client.post(where, {**form, "budget_currency": "x"})
    assert wrong.status_code == 200 and b"currency code" in wrong.content
    assert not AuditRow.objects.exists()
    gone = admin_client.post(f"/admin/tokens/person/{who.pk}/delete/", {"post": "yes"})
    assert (gone.status_code, User.objects.filter(pk=who.pk).exists()) == (302, False)
    assert told()[:2] == ("person.remove", "person:ann@example.org")


def test_the_last_active_admin_stays_one(client: Client, bob: User) -> None:
    bob.is_staff = True
    bob.save()
    bob.groups.add(Group.objects.get(name="role:admin"))
    client.force_login(bob)
    page = f"/admin/auth/user/{bob.pk}/change/"
    for form in (form_of(bob, is_staff="on"), form_of(bob, groups=[Group.objects.get(name="role:admin").pk])):
        answer = client.post(page, form, follow=True)
        assert "last active admin" in answer.content.decode()
    answer = client.post(f"/admin/auth/user/{bob.pk}/delete/", {"post": "yes"}, follow=True)
    assert "last active admin" in answer.content.decode()
    bob.refresh_from_db()
    assert bob.is_staff and bob.groups.get().name == "role:admin" and not AuditRow.objects.exists()


def test_another_role_on_the_page_of_logins_ends_her_sessions(admin_client: Client, bob: User) -> None:
    hers = Client()
    hers.force_login(bob)
    form = form_of(bob, first_name="Bob")
    assert admin_client.post(f"/admin/auth/user/{bob.pk}/change/", form).status_code == 302
    assert hers.session.get("_auth_user_id") == str(bob.pk)
    form = form_of(bob, first_name="Bob", is_staff="on", groups=[Group.objects.get(name="role:viewer").pk])
    assert admin_client.post(f"/admin/auth/user/{bob.pk}/change/", form).status_code == 302
    assert "_auth_user_id" not in hers.session
    assert admin_client.get("/admin/auth/user/").status_code == 200


def test_roles_are_not_renamed_or_removed(admin_client: Client) -> None:
    role = Group.objects.get(name="role:viewer")
    page = f"/admin/auth/group/{role.pk}"
    admin_client.post(f"{page}/change/", {"name": "role:none", "permissions": []})
    assert admin_client.post(f"{page}/delete/", {"post": "yes"}).status_code == 403
    chosen = {"action": "delete_selected", "_selected_action": [role.pk], "post": "yes"}
    admin_client.post("/admin/auth/group/", chosen)
    assert Group.objects.get(pk=role.pk).name == "role:viewer"
