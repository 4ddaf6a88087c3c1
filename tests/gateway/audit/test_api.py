"""`GET /api/audit`."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import pytest
from django.contrib.auth.models import Permission, User
from django.test import Client

from gateway.access import guards
from gateway.models import AuditRow
from tests.gateway.audit.making import entry

pytestmark = pytest.mark.django_db
KEY = {"Authorization": "Bearer admin-key-of-this-test"}


@pytest.fixture(autouse=True)
def key(options: Any) -> Iterator[None]:
    options(TOKEN_ADMIN_KEY="admin-key-of-this-test")
    guards.gate.cache_clear()
    yield
    guards.gate.cache_clear()


def test_pages(client: Client) -> None:
    ids = [str(entry(subject=f"account:{name}").pk) for name in "abc"]
    first = client.get("/api/audit?limit=2", headers=KEY).json()
    assert [row["id"] for row in first["data"]] == [ids[2], ids[1]]
    assert (first["has_more"], first["next_after"]) == (True, ids[1])
    rest = client.get(f"/api/audit?after={ids[1]}", headers=KEY).json()
    assert [row["id"] for row in rest["data"]] == [ids[0]]
    assert (rest["has_more"], rest["next_after"]) == (False, None)
    (one,) = client.get("/api/audit?subject=account:b&from=2020-01-01", headers=KEY).json()["data"]
    assert one["who"] == {"kind": "person", "name": "ann@example.org"}


@pytest.mark.parametrize(
    "query",
    [
        "limit=0",
        "limit=1001",
        "via=x",
        "from=x",
        "to=2026-02-30",
        "after=x",
        "colour=red",
        "begins=2026-01-01",
    ],
)
def test_a_bad_query_is_a_problem_that_names_it(client: Client, query: str) -> None:
    answer = client.get(f"/api/audit?{query}", headers=KEY)
    assert (answer.status_code, answer["Content-Type"]) == (400, "application/problem+json")
    told, name = answer.json(), query.split("=")[0]
    assert (told["title"], told["status"], told["field"]) == ("Bad Request", 400, name)
    assert told["type"] == "error" and told["error"]["message"] == told["detail"] and name in told["detail"]


@pytest.mark.filterwarnings("ignore:StreamingHttpResponse must consume")
def test_all_of_it_as_lines(client: Client) -> None:
    ids = [str(entry().pk) for _ in range(3)][::-1]
    answer = client.get("/api/audit", headers={**KEY, "Accept": "application/x-ndjson"})
    assert answer["Content-Type"] == "application/x-ndjson"
    lines = [json.loads(line) for line in b"".join(answer).splitlines()]
    export = str(AuditRow.objects.get(action="audit.export").pk)
    assert [line["id"] for line in lines] == [export, *ids]
    refused = client.get("/api/audit?via=x", headers={**KEY, "Accept": "application/x-ndjson"})
    assert refused.status_code == 400


@pytest.mark.parametrize("method", ["post", "put", "patch", "delete"])
def test_no_method_changes_an_entry(client: Client, method: str) -> None:
    entry()
    answer = getattr(client, method)("/api/audit", headers=KEY)
    assert (answer.status_code, answer.json()["status"], AuditRow.objects.count()) == (405, 405, 1)
    assert answer["Content-Type"] == "application/problem+json"


def test_who_may_look(client: Client) -> None:
    stranger = client.get("/api/audit")
    assert (stranger.status_code, stranger.json()["title"]) == (401, "Unauthorized")
    user = User.objects.create_user("staff", is_staff=True)
    client.force_login(user)
    assert client.get("/api/audit").status_code == 403
    user.user_permissions.add(Permission.objects.get(codename="view_auditrow"))
    assert client.get("/api/audit").status_code == 200
