"""Who asks: with the key, from this machine, with a login; on the API and on the admin's pages."""

from __future__ import annotations

import json
from typing import Any

import pytest
from django.contrib.auth.models import Permission, User
from django.contrib.sessions.backends.db import SessionStore
from django.test import Client, RequestFactory

from gateway.access import guards, principals
from gateway.kernel.principal import PrincipalKind
from gateway.models import AuditRow

pytestmark = pytest.mark.django_db
KEY = "admin-key-of-this-test"
PRICE = {"model": "m", "input": "1", "output": "2"}


@pytest.fixture
def put(options: Any) -> Any:
    def with_key(key: str, anonymous: bool = False) -> Any:
        options(TOKEN_ADMIN_KEY=key, ALLOW_ANONYMOUS_ADMIN=anonymous, TRUSTED_PROXIES=("10.0.0.0/8",))
        guards.gate.cache_clear()
        return put_price

    yield with_key
    guards.gate.cache_clear()


def put_price(client: Client, address: str = "127.0.0.1", **headers: str) -> Any:
    headers = {"host": "localhost", **{name.replace("_", "-"): value for name, value in headers.items()}}
    answer = client.post(
        "/api/prices",
        json.dumps(PRICE),
        content_type="application/json",
        headers=headers,
        REMOTE_ADDR=address,
    )
    if answer.status_code != 200:
        return answer.status_code
    row = AuditRow.objects.get()
    assert row.request_id == answer.headers["x-gateway-request-id"]
    return row.who_kind, row.who_name, row.via, row.peer


def test_the_admin_key_behind_a_proxy(put: Any) -> None:
    who = put(KEY)(Client(), "10.1.1.1", authorization=f"Bearer {KEY}", x_forwarded_for="192.0.2.9")
    assert who == ("key", "", "api", "192.0.2.9")


def test_this_machine_without_a_key(put: Any) -> None:
    assert put("")(Client()) == ("local", "", "api", "127.0.0.1")


def test_anybody_where_anybody_may(put: Any) -> None:
    assert put("", anonymous=True)(Client(), "192.0.2.9") == ("anonymous", "", "api", "192.0.2.9")


def test_nobody_who_may_not(put: Any) -> None:
    assert put(KEY)(Client(), authorization="Bearer wrong") == 401
    assert not AuditRow.objects.exists()


def test_a_login_on_the_api_is_its_mail_or_its_name(put: Any) -> None:
    user = User.objects.create_user("ann", "ann@example.org", "x" * 20, is_staff=True)
    user.user_permissions.set(Permission.objects.filter(codename__in=("add_pricerow", "change_pricerow")))
    client = Client()
    client.force_login(user)
    assert put(KEY)(client) == ("person", "ann@example.org", "api", "127.0.0.1")
    assert principals.name_of(User(username="bob")) == "bob"


def test_a_login_on_the_admins_pages(put: Any, admin_client: Client) -> None:
    put(KEY)
    form = {**PRICE, "currency": "USD", "provider": ""}
    assert admin_client.post("/admin/gateway/pricerow/add/", form).status_code == 302
    row = AuditRow.objects.get()
    assert (row.who_kind, row.who_name, row.via, row.peer) == (
        "person",
        "admin@example.com",
        "admin",
        "127.0.0.1",
    )


def test_people_who_are_no_staff_are_persons() -> None:
    request = RequestFactory().get("/")
    request.user, request.session = User(username="carl", email="c@example.org"), SessionStore("key-of-carl")
    found = principals.of_login(request, "192.0.2.1", "console")
    assert found.session == "key-of-carl" and "key-of-carl" not in repr(found)
    assert (found.kind, found.name, found.way) == (PrincipalKind.PERSON, "c@example.org", "console")
