"""Admin: secrets only in the answer that makes them, actions after a confirmation, services write."""

from __future__ import annotations

import re
import time
from datetime import UTC, datetime
from typing import Any

import pytest
from django.contrib import admin
from django.contrib.admin.models import LogEntry
from django.contrib.auth.models import Permission, User
from django.contrib.sessions.models import Session
from django.test import Client
from django.urls import path

from tests.principals import SOMEBODY
from tests.tokens.conftest import SECRET
from tokens import services
from tokens.groups import services as group_services
from tokens.jwt import signing
from tokens.models import Group, Token

pytestmark = [pytest.mark.django_db, pytest.mark.urls(__name__)]
urlpatterns = [path("admin/", admin.site.urls)]
LIST = "/admin/tokens/token/"


def secret_in(response: Any) -> str:
    match = re.search(r"la_sk_[\w.-]+", response.content.decode())
    assert match, response.content.decode()
    return match.group()


def test_issue_shows_the_secret_once(admin_client: Client) -> None:
    assert "Valid for (hours)" in admin_client.get(f"{LIST}add/").content.decode()
    form = {"label": "laptop", "ttl_hours": 48, "account": "a", "allowed_models": "claude-*\n\n gpt-5 \n"}
    response = admin_client.post(f"{LIST}add/", form)
    assert (response.status_code, response["Location"]) == (302, f"{LIST}secret/")
    response = admin_client.get(response["Location"])
    secret = secret_in(response)
    token = Token.objects.get()
    assert signing.verify(secret, SECRET.encode()).sub == token.id
    assert (token.label, token.account, token.allowed_models) == ("laptop", "a", ["claude-*", "gpt-5"])
    assert token.expires_at - token.issued_at == 48 * 3600
    assert "no-store" in response["Cache-Control"]
    for page in (LIST, f"{LIST}{token.id}/change/", f"{LIST}{token.id}/history/", "/admin/"):
        assert "la_sk_" not in admin_client.get(page).content.decode()
    for session in Session.objects.all():
        assert secret not in str(session.get_decoded())
    assert secret not in str(LogEntry.objects.values())


def test_reloading_the_page_of_a_secret_issues_nothing(admin_client: Client) -> None:
    where = admin_client.post(f"{LIST}add/", {"label": "x", "ttl_hours": 1})["Location"]
    session = Session.objects.get()
    assert "la_sk_" in admin_client.get(where).content.decode()
    assert "la_sk_" not in str(session.get_decoded())
    again = admin_client.get(where)
    assert (again.status_code, again["Location"]) == (302, LIST)
    assert "shown once" in admin_client.get(LIST).content.decode()
    assert Token.objects.count() == 1


def test_a_budget_asks_for_its_period(admin_client: Client) -> None:
    page = admin_client.post(f"{LIST}add/", {"label": "x", "ttl_hours": 1, "budget": "5"}).content.decode()
    assert "Say when spending begins anew" in page and not Token.objects.exists()
    form = {"label": "x", "ttl_hours": 1, "budget": "5", "budget_period": "never"}
    assert admin_client.post(f"{LIST}add/", form).status_code == 302


def test_issue_names_what_is_wrong(admin_client: Client) -> None:
    response = admin_client.post(f"{LIST}add/", {"ttl_hours": 0, "account": "x" * 300})
    page = response.content.decode()
    assert "greater than or equal to 1" in page
    assert "at most 255 characters" in page
    assert not Token.objects.exists()


@pytest.mark.parametrize(
    ("action", "state"), [("revoke_selected", "revoked"), ("expire_selected", "expired")]
)
def test_actions_ask_first(admin_client: Client, action: str, state: str) -> None:
    chosen, other = (
        services.issue(label="chosen", principal=SOMEBODY).token,
        services.issue(principal=SOMEBODY).token,
    )
    form = {"action": action, "_selected_action": [chosen.id]}
    response = admin_client.post(LIST, form)
    assert "take me back" in response.content.decode() and chosen.id in response.content.decode()
    assert services.get(chosen.id).state(time.time()) == "active"
    response = admin_client.post(LIST, {**form, "confirmed": "yes"})
    assert response.status_code == 302
    assert services.get(chosen.id).state(time.time() + 1) == state
    assert services.get(other.id).state(time.time() + 1) == "active"
    assert services.get(chosen.id).revision > chosen.revision
    assert LogEntry.objects.get().object_id == chosen.id


def test_rotate_shows_the_successor(admin_client: Client) -> None:
    old = services.issue(label="x", principal=SOMEBODY).token
    page = admin_client.get(f"{LIST}{old.id}/change/").content.decode()
    assert f"{LIST}{old.id}/rotate/" in page
    assert "Old secret works for" in admin_client.get(f"{LIST}{old.id}/rotate/").content.decode()
    response = admin_client.post(f"{LIST}{old.id}/rotate/", {"grace_seconds": 0})
    token = Token.objects.get(rotated_from=old.id)
    shown = admin_client.get(response["Location"])
    assert signing.verify(secret_in(shown), SECRET.encode()).sub == token.id
    assert "The old secret works until" in shown.content.decode()
    assert services.get(old.id).state(time.time()) == "expired"
    response = admin_client.post(f"{LIST}{old.id}/rotate/", {"grace_seconds": 0})
    assert "rotated already" in response.content.decode()
    assert Token.objects.count() == 2


def change(client: Client, token: Token, **form: Any) -> Any:
    ends = datetime.fromtimestamp(token.expires_at, UTC)
    base = {"label": token.label, "ends_0": f"{ends:%Y-%m-%d}", "ends_1": f"{ends:%H:%M:%S}"}
    return client.post(f"{LIST}{token.id}/change/", {**base, **form})


def test_change_goes_through_the_service(admin_client: Client) -> None:
    group = group_services.create("team", principal=SOMEBODY)
    token = services.issue(label="x", principal=SOMEBODY).token
    response = change(admin_client, token, label="y", group=group.pk, allowed_surfaces="messages")
    assert response.status_code == 302, response.content.decode()
    changed = services.get(token.id)
    assert (changed.label, changed.group, changed.allowed_surfaces) == ("y", group, ["messages"])
    assert changed.revision > token.revision
    assert changed.expires_at == token.expires_at


def test_an_end_can_come_forward_but_not_go_back(admin_client: Client) -> None:
    token = services.issue(ttl_hours=1, principal=SOMEBODY).token
    response = change(admin_client, token, ends_0="2200-01-01")
    assert "beyond the end" in response.content.decode()
    assert change(admin_client, token, ends_0="2020-01-01").status_code == 302
    assert services.get(token.id).state(time.time()) == "expired"


def test_tokens_are_not_deleted(admin_client: Client) -> None:
    token = services.issue(principal=SOMEBODY).token
    assert admin_client.post(f"{LIST}{token.id}/delete/", {"post": "yes"}).status_code == 403
    assert "delete_selected" not in admin_client.get(LIST).content.decode()


def test_search_and_filters(admin_client: Client) -> None:
    live, gone = (
        services.issue(label="Alice", principal=SOMEBODY).token,
        services.issue(label="Bob", principal=SOMEBODY).token,
    )
    services.revoke(gone.id, principal=SOMEBODY)

    def found(query: str) -> set[str]:
        page = admin_client.get(f"{LIST}?{query}").content.decode()
        return {token.id for token in (live, gone) if token.id in page}

    assert found("q=alice") == {live.id}
    assert found(f"q={gone.id}") == {gone.id}
    assert found("state=revoked") == {gone.id}
    assert found("state=active") == {live.id}
    assert found("") == {live.id, gone.id}


def test_a_hostile_label_is_shown_as_text(admin_client: Client) -> None:
    services.issue(label="<script>alert(1)</script>", principal=SOMEBODY)
    assert "<script>alert(1)" not in admin_client.get(LIST).content.decode()


def test_who_may_only_look_changes_nothing(client: Client) -> None:
    viewer = User.objects.create_user("viewer", password="x", is_staff=True)
    viewer.user_permissions.add(Permission.objects.get(codename="view_token"))
    client.force_login(viewer)
    token = services.issue(principal=SOMEBODY).token
    assert client.get(LIST).status_code == 200
    assert client.post(f"{LIST}add/", {"ttl_hours": 1}).status_code == 403
    assert client.post(f"{LIST}{token.id}/rotate/", {"grace_seconds": 0}).status_code == 403
    client.post(LIST, {"action": "revoke_selected", "_selected_action": [token.id], "confirmed": "yes"})
    assert Token.objects.count() == 1 and not services.get(token.id).is_revoked


def test_groups_are_kept_by_the_service(admin_client: Client) -> None:
    where = "/admin/tokens/group/"
    assert admin_client.post(f"{where}add/", {"name": "org", "allowed_models": "a*"}).status_code == 302
    org = Group.objects.get()
    assert (org.allowed_models, org.revision) == (["a*"], 1)
    assert admin_client.post(f"{where}add/", {"name": "team", "parent": org.pk}).status_code == 302
    team = Group.objects.get(name="team")
    page = admin_client.post(f"{where}{org.pk}/change/", {"name": "org", "parent": team.pk}).content.decode()
    assert "nest one level" in page
    page = admin_client.post(f"{where}add/", {"name": "team"}).content.decode()
    assert "already exists" in page
    assert admin_client.post(f"{where}{org.pk}/change/", {"name": "organisation"}).status_code == 302
    renamed = Group.objects.get(pk=org.pk)
    assert (renamed.name, renamed.allowed_models) == ("organisation", [])
    services.issue(group="team", principal=SOMEBODY)
    admin_client.post(f"{where}{team.pk}/delete/", {"post": "yes"})
    assert Group.objects.filter(name="team").exists()
    Token.objects.all().delete()
    admin_client.post(f"{where}{team.pk}/delete/", {"post": "yes"})
    assert not Group.objects.filter(name="team").exists()
