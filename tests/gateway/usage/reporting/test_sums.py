from __future__ import annotations

from dataclasses import replace
from datetime import date
from decimal import Decimal
from typing import Any

import pytest

from gateway.models import DailyUsage, PriceRow
from gateway.usage import services
from gateway.usage.reporting import sums
from gateway.usage.reporting.question import Question, read
from tests.gateway.usage.making import exchange
from tests.gateway.usage.reporting.making import FIRST, few_calls

pytestmark = pytest.mark.django_db
TODAY = date(2026, 9, 25)


def asked(**given: str) -> list[dict[str, Any]]:
    return list(sums.rows_of(read(given, TODAY)))


def test_without_by_there_is_a_row_for_each_currency() -> None:
    few_calls()
    rows = {row["currency"]: row for row in asked()}
    assert rows["USD"] == {
        "requests": 4, "errors": 2, "refused": 1, "cancelled": 1,
        "input_tokens": 3, "cache_read_tokens": 6, "cache_write_tokens": 21, "output_tokens": 15,
        "unpriced": 1, "cost": "1.6234567891", "currency": "USD",
    }  # fmt: skip
    assert (rows["EUR"]["requests"], rows["EUR"]["cost"]) == (1, "2")
    assert list(rows["USD"]) == list(read({}, TODAY).columns)


@pytest.mark.parametrize(
    ("by", "expected"),
    [
        ("person", [("ann@example.org", "2"), ("ann@example.org", "1.6234567891"), ("bob@example.org", "0")]),
        ("group", [("red", "2"), ("red", "1.6234567891"), ("blue", "0")]),
        ("account", [("second", "2"), ("primary", "1.6234567891")]),
        ("day", [("2026-09-21", "2"), ("2026-09-22", "1.5"), ("2026-09-21", "0.1234567891")]),
        ("model", [("claude-y", "2"), ("claude-x-1", "1.6234567891"), ("", "0")]),
        ("token", [("t-ann", "2"), ("t-ann", "1.6234567891"), ("t-bob", "0")]),
        ("surface", [("messages", "2"), ("messages", "1.6234567891")]),
        ("provider", [("anthropic", "2"), ("anthropic", "1.6234567891")]),
    ],
)
def test_each_dimension(by: str, expected: list[tuple[str, str]]) -> None:
    few_calls()
    assert [(row[by], row["cost"]) for row in asked(by=by)] == expected


def test_three_dimensions_filters_and_order() -> None:
    few_calls()
    rows = asked(by="day,token,model", person="ann@example.org", sort="day")
    assert [(row["day"], row["token_label"], row["model"]) for row in rows] == [
        ("2026-09-21", "laptop", "claude-x-1"),
        ("2026-09-21", "laptop", "claude-y"),
        ("2026-09-22", "laptop", "claude-x-1"),
    ]
    assert asked(by="person", group="green") == []
    assert [row["token_label"] for row in asked(by="token", sort="token_label")] == [
        "=cmd()",
        "laptop",
        "laptop",
    ]
    assert [row["requests"] for row in asked(by="token", sort="requests")] == [1, 2, 2]
    assert [row["requests"] for row in asked(by="token", period="today")] == []
    assert (
        sum(row["requests"] for row in asked(by="token", **{"from": "2026-09-22", "to": "2026-09-22"})) == 3
    )


def test_money_adds_up_exactly_to_what_the_rows_cost() -> None:
    costs = [Decimal(f"{n}.{n:010d}") / 10_000 * 7 for n in range(300)]
    costs = [cost.quantize(Decimal("1e-10")) for cost in costs]
    services.write([exchange(token_id=f"t-{n}", cost=cost) for n, cost in enumerate(costs)])
    (row,) = asked()
    assert Decimal(row["cost"]) == sum(costs)
    assert sum(Decimal(row["cost"]) for row in asked(by="token")) == sum(costs)


def test_what_cost_nothing_counts_in_the_currency_of_the_prices() -> None:
    few_calls()
    PriceRow.objects.all().delete()
    PriceRow.objects.create(model="claude-*", input=1, output=1, currency="EUR")
    rows = {row["currency"]: row["requests"] for row in asked()}
    assert rows == {"EUR": 3, "USD": 2}


def test_pages_and_totals() -> None:
    few_calls()
    question = read({"by": "token,day"}, TODAY)
    first, has_more = sums.page(question, 2, 0)
    second, has_still_more = sums.page(question, 2, 2)
    assert (first + second, has_more, has_still_more) == (list(sums.rows_of(question)), True, False)
    totals = sums.totals(question)
    assert [(row["currency"], row["requests"], row["cost"]) for row in totals] == [
        ("EUR", 1, "2"),
        ("USD", 4, "1.6234567891"),
    ]
    assert sums.added_up(first + second) == totals
    assert sums.answer(question, first, totals)["time_zone"] == "UTC"


def test_what_each_day_has_cost() -> None:
    few_calls()

    def spent(question: Question) -> dict[str, Decimal]:
        totals, days = sums.totals_and_days(question)
        assert totals == sums.totals(question) and days == sums.spent(question)
        return days

    assert spent(read({}, TODAY)) == {"2026-09-21": Decimal("0.1234567891"), "2026-09-22": Decimal("1.5")}
    assert spent(read({"person": "bob@example.org"}, TODAY)) == {}
    assert spent(replace(read({}, TODAY), currency="EUR")) == {"2026-09-21": Decimal(2)}


def test_no_question_asks_much(django_assert_max_num_queries: Any) -> None:
    few_calls()
    assert DailyUsage.objects.count() == 5
    question = read({"by": "token,day,model"}, TODAY)
    with django_assert_max_num_queries(7):
        sums.page(question, 100, 0)
        sums.totals(question)


@pytest.mark.parametrize("by", ["token", "token,account,day", "person,token,model"])
def test_pages_of_tokens_are_the_rows_whatever_they_are_sorted_by(
    by: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    few_calls()
    services.write(
        [
            exchange(
                token_id=f"t-{n % 7}", account=f"a-{n % 3}", cost=Decimal(n % 5), started_at=FIRST + n * 9_000
            )
            for n in range(40)
        ]
    )
    for column in read({"by": by}, TODAY).columns:
        for sign in ("", "-"):
            question = read({"by": by, "sort": sign + column}, TODAY)
            whole, pages, has_more = list(sums.rows_of(question)), list[dict[str, Any]](), True
            while has_more:
                rows, has_more = sums.page(question, 4, len(pages))
                pages += rows
            assert pages == whole
    monkeypatch.setattr(sums, "FEW", 0)
    assert sums.page(question, 500, 0) == (whole, False)
