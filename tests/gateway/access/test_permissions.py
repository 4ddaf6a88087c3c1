"""Every operation of the management API asks a login for the permission of what it touches; none is forgotten."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from django.contrib.auth.models import Permission, User
from django.http import HttpRequest
from django.test import Client

from gateway.access import guards, permissions
from gateway.access.gate import AccessDenied
from gateway.api.management import api
from gateway.urls import urlpatterns
from tokens.models import Token

pytestmark = pytest.mark.django_db(transaction=True)
assert urlpatterns  # importing it declares the surfaces
KEY = {"Authorization": "Bearer admin-key-of-this-test"}
OPERATIONS = sorted(
    (method, path)
    for path, operations in api.get_openapi_schema()["paths"].items()
    for method, operation in operations.items()
    if {"AdminAuth": []} in operation.get("security", ())
)


@pytest.fixture(autouse=True)
def closed(options: Any, tmp_path: Path) -> Iterator[None]:
    options(TOKEN_ADMIN_KEY="admin-key-of-this-test", DATA_DIR=tmp_path)
    guards.gate.cache_clear()
    yield
    guards.gate.cache_clear()


def login(*needed: str) -> Client:
    """A browser of a staff member with these permissions."""
    user = User.objects.create_user(f"staff-{User.objects.count()}", is_staff=True)
    for name in needed:
        app, codename = name.split(".")
        user.user_permissions.add(Permission.objects.get(content_type__app_label=app, codename=codename))
    client = Client()
    client.force_login(user)
    return client


def ask(client: Client, operation: permissions.Operation, headers: dict[str, str] | None = None) -> Any:
    method, path = operation
    for name in ("{token_id}", "{name}", "{model}"):
        path = path.replace(name, "nobody")
    if method in ("get", "delete"):
        return getattr(client, method)(path, headers=headers)
    return getattr(client, method)(path, {}, content_type="application/json", headers=headers)


def test_the_table_has_every_operation_and_no_other() -> None:
    assert sorted(permissions.NEEDED) == OPERATIONS


@pytest.mark.parametrize("operation", OPERATIONS, ids=" ".join)
def test_a_login_needs_the_permission_and_no_other(operation: permissions.Operation) -> None:
    needed = permissions.NEEDED[operation]
    everything_else = [name for names in permissions.NEEDED.values() for name in names if name not in needed]
    refused = ask(login(*everything_else), operation)
    assert refused.status_code == 403
    assert refused.json()["error"]["type"] == "permission_error"
    assert all(name in refused.json()["error"]["message"] for name in needed)
    for alone in needed if len(needed) > 1 else ():
        assert ask(login(alone), operation).status_code == 403
    assert ask(login(*needed), operation).status_code not in (401, 403)
    assert ask(Client(), operation).status_code == 401
    assert ask(Client(), operation, KEY).status_code not in (401, 403)
    assert ask(login(), operation, KEY).status_code not in (401, 403), "the key passes beside a session"


def test_a_superuser_passes_and_nothing_is_changed_by_who_is_refused() -> None:
    assert login().post("/api/tokens", {}, content_type="application/json").status_code == 403
    assert not Token.objects.exists()
    browser = Client()
    browser.force_login(User.objects.create_superuser("root", password="x"))
    assert all(ask(browser, operation).status_code not in (401, 403) for operation in OPERATIONS)


def test_an_operation_that_the_table_lacks_is_closed_to_all_but_superusers() -> None:
    unknown = ("post", "/api/later")
    with pytest.raises(AccessDenied):
        permissions.check(User(is_staff=True), unknown)
    permissions.check(User(is_superuser=True, is_staff=True), unknown)


def test_a_request_without_a_match_is_no_operation() -> None:
    assert permissions.operation_of(HttpRequest()) == ("", "/")


def test_a_session_without_its_csrf_token_is_refused_whatever_its_permissions() -> None:
    browser = Client(enforce_csrf_checks=True)
    browser.force_login(User.objects.create_superuser("root", password="x"))
    unsafe = [operation for operation in OPERATIONS if operation[0] != "get"]
    assert len(unsafe) > 20
    assert {ask(browser, operation).status_code for operation in unsafe} == {403}


def test_staff_needs_a_permission_for_the_reports() -> None:
    reports = ("/metrics", "/v1/usage", "/v1/accounts")
    assert {login().get(path).status_code for path in reports} == {403}
    browser = login("gateway.view_dailyusage")
    assert {browser.get(path).status_code for path in reports} == {200}
