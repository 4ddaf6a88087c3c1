"""`GET /api/payments`."""

from __future__ import annotations

from typing import Any

import pytest
from django.contrib.auth.models import Permission, User
from django.test import Client

from gateway.access import guards
from gateway.payments import claims
from tests.gateway.payments.building import wanted

pytestmark = pytest.mark.django_db
KEY = {"Authorization": "Bearer admin-key-of-this-test"}


@pytest.fixture(autouse=True)
def key(options: Any) -> Any:
    options(TOKEN_ADMIN_KEY="admin-key-of-this-test")
    guards.gate.cache_clear()
    yield
    guards.gate.cache_clear()


def test_pages_of_payments(client: Client) -> None:
    ids = [str(claims.claim(wanted(f"c-{n}"))[0].pk) for n in range(3)]
    first = client.get("/api/payments?limit=2", headers=KEY).json()
    assert [row["id"] for row in first["payments"]] == [ids[2], ids[1]]
    assert (first["has_more"], first["next_before"]) == (True, ids[1])
    rest = client.get(f"/api/payments?before={ids[1]}", headers=KEY).json()
    assert [row["id"] for row in rest["payments"]] == [ids[0]]
    assert (rest["has_more"], rest["next_before"]) == (False, None)
    assert client.get("/api/payments?status=failed", headers=KEY).json()["payments"] == []


@pytest.mark.parametrize("query", ["status=x", "limit=0", "before=x"])
def test_bad_filters_are_named(client: Client, query: str) -> None:
    answer = client.get(f"/api/payments?{query}", headers=KEY)
    assert answer.status_code == 400
    assert query.split("=")[0] in answer.json()["error"]["message"]


def test_who_may_look(client: Client) -> None:
    assert client.get("/api/payments").status_code == 401
    user = User.objects.create_user("staff", is_staff=True)
    client.force_login(user)
    assert client.get("/api/payments").status_code == 403
    user.user_permissions.add(Permission.objects.get(codename="view_payment"))
    assert client.get("/api/payments").status_code == 200
