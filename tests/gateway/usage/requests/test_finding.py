from __future__ import annotations

from typing import Any

import pytest
from django.db import connection

from gateway.kernel.asking import BadParameter
from gateway.models import ExchangeRow
from gateway.usage.requests import filters, finding
from providers.dialects.types import FailureKind
from tests.gateway.usage.requests.making import call

pytestmark = pytest.mark.django_db


def found(**given: str) -> list[str]:
    read = filters.read(
        {{"begins": "from", "ends": "to"}.get(name, name): value for name, value in given.items()}
    )
    return [str(row.pk) for row in finding.page(read, 100).rows]


@pytest.mark.parametrize(
    ("name", "column", "value"),
    [
        ("person", "person", "ann@example.org"), ("token", "token_id", "t-ann"), ("group", "group", "red"),
        ("model", "model_served", "m"), ("model", "model_asked", "m"), ("provider", "provider", "other"),
        ("account", "account", "second"), ("surface", "surface", "responses"), ("q", "token_label", "Laptop of Ann"),
    ],
)  # fmt: skip
def test_each_filter(name: str, column: str, value: str) -> None:
    call()
    wanted = call(**{column: value})
    assert found(**{name: value}) == [wanted]
    assert found(**{name: value, "surface": "chat"}) == []


def test_outcomes() -> None:
    ok, left = call(), call(status=499)
    broken = call(failure_kind=FailureKind.UPSTREAM)
    wrong, busy, down = call(status=400), call(status=429), call(status=503)
    assert found() == [down, busy, wrong, broken, left, ok]
    assert found(status="ok") == [ok]
    assert found(status="failed") == [down, busy, wrong, broken]
    assert found(status="failed", token="t-1") == [down, busy, wrong, broken]
    assert found(status="4xx") == [busy, wrong, left]
    assert found(status="2xx") == [broken, ok]
    assert found(status="429") == [busy]
    assert found(status="5xx", account="primary") == [down]


def test_times_seconds_ids_and_labels() -> None:
    old, slow = call(age=3 * 86_400), call(total_seconds=9.5)
    day = f"{ExchangeRow.objects.get(pk=old).started_at:%Y-%m-%d}"
    assert found(begins=day, ends=day) == [old]
    assert found(slower_than="9") == [slow]
    assert found(q=slow) == [slow] and found(q=slow, status="failed") == []
    assert found(q="LAPT") == [slow, old]
    assert found(q="50%") == []


def test_pages_follow_on_each_other_also_of_two_sets() -> None:
    kinds: list[dict[str, Any]] = [{"status": 500}, {"failure_kind": FailureKind.UPSTREAM}, {}]
    ids = [call(**kinds[n % 3]) for n in range(12)]
    for status, wanted in (("", ids), ("failed", [own for n, own in enumerate(ids) if n % 3 < 2])):
        seen: list[str] = []
        after: str | None = ""
        while after is not None:
            page = finding.page(filters.read({"status": status}), 3, after)
            seen += [str(row.pk) for row in page.rows]
            after = page.next_after
        assert seen == wanted[::-1]
    assert [str(row.pk) for row in finding.every(filters.read({}), 5)] == ids[:-6:-1]
    with pytest.raises(BadParameter):
        finding.page(filters.read({}), 3, "here")


def test_what_no_index_answers_is_looked_for_in_portions(
    monkeypatch: pytest.MonkeyPatch, django_assert_max_num_queries: Any
) -> None:
    needle = call(surface="rare")
    for _ in range(30):
        call()
    monkeypatch.setattr(finding, "PORTION", 5)
    read = filters.read({"surface": "rare"})
    with django_assert_max_num_queries(8):
        page = finding.page(read, 10)
    assert page.rows == [] and page.next_after is not None
    page = finding.page(read, 10, page.next_after)
    assert ([str(row.pk) for row in page.rows], page.next_after) == ([needle], None)
    assert [str(row.pk) for row in finding.every(read, 10)] == [needle]


@pytest.mark.parametrize(
    "given",
    [
        {"person": "ann"},
        {"group": "red"},
        {"token": "t"},
        {"account": "a"},
        {"status": "failed"},
        {"status": "503"},
    ],
)
def test_nothing_is_sorted_and_no_table_read_whole(given: dict[str, str]) -> None:
    for n in range(50):
        call(person="ann" if n == 7 else "bob", group="red" if n == 7 else "blue")
    with connection.cursor() as cursor:
        cursor.execute("ANALYZE")
    seen: list[str] = []
    with connection.execute_wrapper(lambda execute, sql, params, many, context: (
        seen.append(_plan(sql, params)), execute(sql, params, many, context)
    )[1]):  # fmt: skip
        finding.page(filters.read(given), 10)
    assert seen and not [plan for plan in seen if "USE TEMP B-TREE" in plan], seen
    assert all("INDEX" in plan for plan in seen), seen


def _plan(sql: str, params: Any) -> str:
    inner = connection.connection.cursor()
    return " ".join(row[3] for row in inner.execute(f"EXPLAIN QUERY PLAN {sql.replace('%s', '?')}", params))
