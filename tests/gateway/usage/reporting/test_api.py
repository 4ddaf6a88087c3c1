"""`GET /api/usage`."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from django.contrib.auth.models import Permission, User
from django.test import Client

from gateway.access import guards
from gateway.models import AuditRow
from tests.gateway.usage.reporting.making import few_calls

pytestmark = pytest.mark.django_db
KEY = {"Authorization": "Bearer admin-key-of-this-test"}
SEPTEMBER = "month=2026-09"


@pytest.fixture(autouse=True)
def key(options: Any) -> Iterator[None]:
    options(TOKEN_ADMIN_KEY="admin-key-of-this-test")
    guards.gate.cache_clear()
    yield
    guards.gate.cache_clear()


def test_an_answer_in_json(client: Client) -> None:
    few_calls()
    answer = client.get(f"/api/usage?{SEPTEMBER}&by=person&limit=2", headers=KEY).json()
    assert (answer["from"], answer["to"], answer["time_zone"], answer["by"]) == (
        "2026-09-01", "2026-09-30", "UTC", ["person"],
    )  # fmt: skip
    assert list(answer["data"][0])[:2] == ["person", "requests"]
    assert [row["cost"] for row in answer["data"]] == ["2", "1.6234567891"]
    assert [row["currency"] for row in answer["totals"]] == ["EUR", "USD"]
    assert (answer["has_more"], answer["next_after"]) == (True, "2")
    rest = client.get(f"/api/usage?{SEPTEMBER}&by=person&limit=2&after=2", headers=KEY).json()
    assert [row["person"] for row in rest["data"]] == ["bob@example.org"]
    assert (rest["has_more"], rest["next_after"]) == (False, None)


@pytest.mark.filterwarnings("ignore:StreamingHttpResponse must consume")
def test_csv_is_a_file_and_leaves_an_entry(client: Client) -> None:
    few_calls()
    for query, headers in (("&format=csv", KEY), ("", {**KEY, "Accept": "text/csv"})):
        answer = client.get(f"/api/usage?{SEPTEMBER}&by=person{query}", headers=headers)
        assert answer["Content-Type"] == "text/csv; charset=utf-8"
        assert answer["Content-Disposition"] == 'attachment; filename="usage-2026-09-01_2026-09-30.csv"'
        assert b"".join(answer).count(b"\r\n") == 4
    assert AuditRow.objects.filter(action="usage.export", who_kind="key").count() == 2


@pytest.mark.parametrize(
    "query",
    ["by=x", "month=x", "period=x", "from=x", "to=x", "sort=x", "format=xml", "after=x", "after=-1", "limit=0",
     "limit=x", "colour=red", "day=2026-09-01", "begins=2026-09-01"],
)  # fmt: skip
def test_a_bad_query_is_a_problem_that_names_it(client: Client, query: str) -> None:
    answer = client.get(f"/api/usage?{query}", headers=KEY)
    assert (answer.status_code, answer["Content-Type"]) == (400, "application/problem+json")
    assert answer.json()["field"] == query.split("=")[0]


def test_who_may_look(client: Client) -> None:
    assert client.get("/api/usage").status_code == 401
    user = User.objects.create_user("staff", is_staff=True)
    client.force_login(user)
    assert client.get("/api/usage").status_code == 403
    user.user_permissions.add(Permission.objects.get(codename="view_dailyusage"))
    assert client.get("/api/usage").status_code == 200
