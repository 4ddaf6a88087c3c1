"""`GET /api/overview`."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from django.contrib.auth.models import Permission, User
from django.test import Client

from gateway.access import guards
from gateway.runtime.composition import current
from tests.gateway.usage.making import exchange
from tests.gateway.usage.requests.making import call, one

pytestmark = pytest.mark.django_db(transaction=True)
KEY = {"Authorization": "Bearer admin-key-of-this-test"}


@pytest.fixture(autouse=True)
def key(options: Any, tmp_path: Path) -> Iterator[None]:
    options(TOKEN_ADMIN_KEY="admin-key-of-this-test", DATA_DIR=tmp_path)
    guards.gate.cache_clear()
    yield
    guards.gate.cache_clear()


def test_today_beside_yesterday_and_what_comes_without_a_token(
    client: Client, django_assert_max_num_queries: Any
) -> None:
    client.get("/api/overview", headers=KEY)
    call()
    call(age=86_400, status=500)
    metrics = current().composed.metrics
    metrics.concluded(one(token_id="", status=401))
    metrics.concluded(exchange(token_id="", status=401))  # of a day long ago
    with django_assert_max_num_queries(12):
        told = client.get("/api/overview", headers=KEY).json()
    assert (told["today"]["calls"], told["today"]["errors"]) == (1, 0)
    assert (told["yesterday"]["calls"], told["yesterday"]["error_rate"]) == (1, 1.0)
    assert (told["noise"], told["live_streams"]) == (1, 0)
    assert all(set(need) == {"kind", "subject", "text", "url"} for need in told["needs_you"])
    assert client.get("/api/overview?x=1", headers=KEY).json()["field"] == "x"


def test_who_may_look(client: Client) -> None:
    assert client.get("/api/overview").status_code == 401
    user = User.objects.create_user("staff", is_staff=True)
    client.force_login(user)
    for name in ("view_exchangerow", "view_dailyusage"):
        assert client.get("/api/overview").status_code == 403
        user.user_permissions.add(Permission.objects.get(codename=name))
    assert client.get("/api/overview").status_code == 200
