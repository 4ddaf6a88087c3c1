"""Roles: what each may on every way in, and that nobody without one sees anything."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from django.contrib.auth.models import AnonymousUser, Group, User
from django.test import Client

from accounts import services as accounts
from gateway.access import guards, permissions
from gateway.access.roles import PREFIX, Role, is_at_least, role_of
from tests.principals import SOMEBODY
from tokens import services as tokens
from tokens.models import Token

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def closed(options: Any, tmp_path: Path) -> Iterator[None]:
    options(TOKEN_ADMIN_KEY="admin-key-of-this-test", DATA_DIR=tmp_path)
    guards.gate.cache_clear()
    yield
    guards.gate.cache_clear()


def somebody(*roles: str, **values: Any) -> User:
    user = User.objects.create_user(
        f"u{User.objects.count()}", is_staff=values.pop("is_staff", True), **values
    )
    user.groups.set(Group.objects.get(name=PREFIX + role) for role in roles)
    return user


def status(user: User, method: str, path: str, body: object = None) -> int:
    client = Client()
    client.force_login(user)
    asked = getattr(client, method)
    return int(
        (asked(path) if body is None else asked(path, body, content_type="application/json")).status_code
    )


def test_the_highest_role_counts() -> None:
    assert role_of(somebody("viewer", "operator")) is Role.OPERATOR
    assert role_of(somebody(is_superuser=True)) is Role.ADMIN
    assert role_of(somebody(is_staff=False)) is Role.DEVELOPER
    assert role_of(somebody()) is None
    assert role_of(AnonymousUser()) is None
    assert role_of(somebody("admin", is_active=False)) is None
    assert is_at_least(somebody("operator"), Role.VIEWER) and not is_at_least(
        somebody("viewer"), Role.OPERATOR
    )
    assert not is_at_least(somebody("admin", is_staff=False), Role.VIEWER)
    assert not is_at_least(somebody(), Role.DEVELOPER)


LOOKS = (
    "/api/overview", "/api/requests", "/api/usage", "/api/people", "/api/accounts", "/api/providers", "/api/routes",
    "/api/prices", "/api/tokens/list", "/api/groups", "/api/pool", "/v1/usage", "/v1/accounts", "/metrics",
)  # fmt: skip


@pytest.mark.parametrize("path", LOOKS)
def test_who_may_look(path: str) -> None:
    assert {status(somebody(role), "get", path) for role in ("viewer", "operator", "admin")} == {200}
    assert status(somebody(), "get", path) == 403
    assert status(somebody("developer", is_staff=False), "get", path) == 401


CHANGES = (
    ("operator", "post", "/api/accounts", {"name": "b", "source": "api_key", "secret": "sk-1"}),
    ("operator", "post", "/api/accounts/a/pause", {}),
    ("operator", "post", "/api/providers", {"name": "p", "base_url": "http://p.test/v1"}),
    ("operator", "post", "/api/prices", {"model": "m", "input": "1", "output": "1"}),
    ("admin", "post", "/api/tokens", {"label": "x"}),
    ("admin", "patch", "/api/pool", {"strategy": "priority"}),
    ("admin", "post", "/api/groups", {"name": "g"}),
    ("admin", "get", "/api/audit", None),
)


@pytest.mark.parametrize(("least", "method", "path", "body"), CHANGES, ids=lambda value: str(value)[:40])
def test_who_may_change(least: str, method: str, path: str, body: object) -> None:
    accounts.add({"name": "a", "source": "api_key", "secret": "sk-0"}, principal=SOMEBODY)
    may = {"operator": ("operator", "admin"), "admin": ("admin",)}[least]
    for role in ("viewer", "operator"):
        if role not in may:
            assert status(somebody(role), method, path, body) == 403
    assert status(somebody(may[0]), method, path, body) in (200, 201)


def test_an_operator_may_find_and_end_a_token_and_change_none() -> None:
    token = tokens.issue(label="x", principal=SOMEBODY).token.id
    assert status(somebody("viewer"), "post", "/api/tokens/revoke", {"id": token}) == 403
    operator = somebody("operator")
    assert status(operator, "patch", f"/api/tokens/{token}", {"label": "y"}) == 403
    issued = tokens.issue(label="y", principal=SOMEBODY)
    assert status(somebody("viewer"), "post", "/api/tokens/find", {"secret": issued.secret}) == 403
    assert status(operator, "post", "/api/tokens/find", {"secret": issued.secret}) == 200
    assert status(operator, "post", "/api/tokens/revoke", {"id": token}) == 200
    assert Token.objects.get(pk=token).is_revoked


def test_what_no_permission_opens_is_for_admins() -> None:
    operation = ("get", "/api/nowhere")
    permissions.check(somebody("admin"), operation)
    with pytest.raises(guards.AccessDenied):
        permissions.check(somebody("operator"), operation)


@pytest.mark.parametrize(("role", "lists"), [("viewer", 200), ("admin", 200), (None, 403)])
def test_the_admin_shows_what_the_role_may_see(role: str | None, lists: int) -> None:
    user = somebody(*([role] if role else []))
    assert status(user, "get", "/admin/accounts/account/") == lists
    client = Client()
    client.force_login(user)
    page = client.get("/admin/").content.decode()
    assert ("/admin/accounts/account/" in page) is (role is not None)


def test_a_role_that_is_taken_away_is_over_at_once() -> None:
    user = somebody("operator")
    client = Client()
    client.force_login(user)
    assert client.get("/api/usage").status_code == 200
    user.groups.clear()
    assert client.get("/api/usage").status_code == 403
