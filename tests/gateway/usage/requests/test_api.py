"""`GET /api/requests` and `/api/requests/{id}`."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from django.contrib.auth.models import Permission, User
from django.test import Client

from gateway.access import guards
from gateway.models import AuditRow
from gateway.usage.requestlog import rows as requestlog
from gateway.usage.requestlog.taps import Entry
from tests.gateway.console.pages.people import browser
from tests.gateway.usage.requests.making import call

pytestmark = pytest.mark.django_db
KEY = {"Authorization": "Bearer admin-key-of-this-test"}


@pytest.fixture(autouse=True)
def key(options: Any) -> Iterator[None]:
    options(TOKEN_ADMIN_KEY="admin-key-of-this-test")
    guards.gate.cache_clear()
    yield
    guards.gate.cache_clear()


def test_pages(client: Client) -> None:
    ids = [call() for _ in range(3)]
    first = client.get("/api/requests?limit=2&surface=messages", headers=KEY).json()
    assert [row["id"] for row in first["data"]] == [ids[2], ids[1]]
    assert (first["has_more"], first["next_after"]) == (True, ids[1])
    rest = client.get(f"/api/requests?after={ids[1]}", headers=KEY).json()
    assert ([row["id"] for row in rest["data"]], rest["has_more"], rest["next_after"]) == (
        [ids[0]],
        False,
        None,
    )


def test_one_call_taken_apart(client: Client) -> None:
    own = call(status=400)
    shown = client.get(f"/api/requests/{own}", headers=KEY).json()
    assert (shown["id"], shown["status"], shown["log"]) == (own, 400, None)
    assert shown["tried"] and shown["price"] and shown["explain"][0].startswith("Token laptop")
    for nobody in ("0190f0f0-0000-7000-8000-000000000000", "x"):
        answer = client.get(f"/api/requests/{nobody}", headers=KEY)
        assert (answer.status_code, answer.json()["status"]) == (404, 404)
    assert client.get(f"/api/requests/{own}?x=1", headers=KEY).json()["field"] == "x"


@pytest.mark.parametrize(
    "query",
    ["status=x", "slower_than=x", "from=x", "to=x", "after=x", "limit=0", "colour=red", "day=2026-01-01"],
)
def test_a_bad_query_is_a_problem_that_names_it(client: Client, query: str) -> None:
    answer = client.get(f"/api/requests?{query}", headers=KEY)
    assert (answer.status_code, answer["Content-Type"]) == (400, "application/problem+json")
    assert answer.json()["field"] == query.split("=")[0]


def test_who_may_look(client: Client) -> None:
    own = call()
    paths = ("/api/requests", f"/api/requests/{own}")
    assert {client.get(path).status_code for path in paths} == {401}
    user = User.objects.create_user("staff", is_staff=True)
    client.force_login(user)
    assert {client.get(path).status_code for path in paths} == {403}
    user.user_permissions.add(Permission.objects.get(codename="view_exchangerow"))
    assert {client.get(path).status_code for path in paths} == {200}


def test_what_was_kept_is_for_admins_and_reading_it_is_recorded(client: Client) -> None:
    own = call(token_id="t1")
    requestlog.write([(own, Entry(b"a prompt", bytearray(b"an answer")))], 1000)
    kept = {"request": "a prompt", "answer": "an answer", "is_cut": False}
    assert client.get(f"/api/requests/{own}", headers=KEY).json()["log"] == kept
    for role, told in (("viewer", None), ("operator", None), ("admin", kept)):
        assert browser(role).get(f"/api/requests/{own}").json()["log"] == told
    readers = AuditRow.objects.filter(action="log.read").order_by("id").values_list("who_kind", flat=True)
    assert list(readers) == ["key", "person"]
