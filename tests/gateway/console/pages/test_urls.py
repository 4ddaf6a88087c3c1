"""The pages' paths: each with the least role that it is for, as a page and as an action; none is forgotten."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest
from django.test import Client

from gateway.console.pages.urls import urls
from gateway.models import AuditRow
from tests.gateway.console.pages.people import browser

LOOKED_AT = (
    "", "requests/", "requests/<str:request_id>/", "usage/", "alerts/", "accounts/", "accounts/<str:name>/",
    "providers/", "providers/<str:name>/", "routes/", "prices/", "people/", "people/groups/", "people/person/",
    "people/secret/", "people/tokens/<str:token_id>/", "signins/", "objects/", "payments/", "federation/",
)  # fmt: skip
OPERATED = (
    "rehearse/", "rehearsals/<str:rehearsal_id>/end/", "add-account/",
    *(f"accounts/<str:name>/{word}/" for word in ("change", "login", "remove", "test", "<str:action>")),
    "add-provider/",
    *(f"providers/<str:name>/{word}/" for word in ("change", "models", "remove", "test", "<str:action>")),
    *(f"routes/{word}/" for word in ("save", "order", "place", "remove")), "prices/save/",
    "prices/remove/", "people/find/", "people/tokens/<str:token_id>/revoke/",
)  # fmt: skip
ADMINISTERED = (
    "alerts/new-rule/", "alerts/new-channel/", "alerts/rules/<str:rule_id>/", "alerts/channels/<str:name>/",
    "alerts/<str:kind>/<str:name>/<str:action>/", "settings/", "settings/strategy/", "settings/policy/",
    "settings/policy/remove/", "audit/", "people/issue/", "people/add/", "people/person/change/",
    "people/person/no-totp/", "people/person/sign-out/", "people/tokens/<str:token_id>/change/",
    "people/tokens/<str:token_id>/rotate/", "signins/<uuid:sign_in>/end/",
    "payments/<uuid:payment>/reconcile/", "federation/follow/",
    "federation/retry/<int:pk>/", "federation/unfollow/<int:pk>/",
    "federation/(?P<word>block|unblock)/(?P<pk>[0-9]{1,18})/",
)  # fmt: skip
RANKS: dict[str | None, int] = {None: 0, "developer": 0, "viewer": 1, "operator": 2, "admin": 3}
LEAST = {
    **dict.fromkeys(LOOKED_AT, "viewer"),
    **dict.fromkeys(OPERATED, "operator"),
    **dict.fromkeys(ADMINISTERED, "admin"),
}


def name_of(pattern: Any) -> str:
    return str(pattern.pattern).strip("^$").removeprefix("console/")


def address_of(name: str) -> str:
    """An address below a pattern, of things that there are none of."""
    for form, value in (
        (r"<uuid:\w+>", "0190a5f2-0000-7000-8000-000000000000"), (r"<int:\w+>", "1"), (r"<str:\w+>", "none"),
        (r"\(\?P<word>[^)]*\)", "block"), (r"\(\?P<pk>[^)]*\)", "1"),
    ):  # fmt: skip
        name = re.sub(form, value, name)
    return f"/console/{name}"


def test_pages_can_be_turned_off(options: Any) -> None:
    assert "console/" in [str(each.pattern) for each in urls()]
    options(DISABLE_CONSOLE=True)
    assert urls() == []


def test_every_path_has_its_role() -> None:
    assert sorted(name_of(each) for each in urls()) == sorted(LEAST)


@pytest.mark.django_db
@pytest.mark.parametrize("role", RANKS)
def test_each_role_each_page_each_action(role: str | None, options: Any, tmp_path: Path) -> None:
    options(DATA_DIR=tmp_path, CLAUDE_CODE_HOME=str(tmp_path / "none"))
    client, wrong = browser(role, is_staff=role != "developer"), []
    for name, least in LEAST.items():
        answers = {
            method: getattr(client, method)(address_of(name)).status_code for method in ("get", "post")
        }
        found = {method: status for method, status in answers.items() if status != 405}
        assert found, name
        may = RANKS[role] >= RANKS[least]
        wrong += [f"{method} {name}: {status}" for method, status in found.items() if (status != 403) != may]
    assert wrong == []
    assert RANKS[role] or not AuditRow.objects.exists()


@pytest.mark.django_db
def test_nobody_is_led_to_the_login_from_each(client: Client) -> None:
    for name in LEAST:
        seen = {getattr(client, method)(address_of(name)).status_code for method in ("get", "post")}
        assert seen <= {302, 405} and 302 in seen, name
    assert not AuditRow.objects.exists()
