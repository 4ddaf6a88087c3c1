"""Sum usage from the daily rows, never from the exchanges. Money is added up exactly, in whole 1e-10."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from datetime import date, timedelta
from decimal import Decimal
from itertools import islice
from typing import Any

from django.db import connection, transaction
from django.db.models import (
    Aggregate,
    BigIntegerField,
    Case,
    F,
    OuterRef,
    Subquery,
    Sum,
    TextField,
    Value,
    When,
)
from django.db.models.functions import Coalesce

from gateway.models import DailyUsage
from gateway.usage import reports, whole_days
from gateway.usage.prices import services as prices
from gateway.usage.reporting.question import CHOSEN_BY, COLUMNS, COUNTS, Question
from tokens.models import Token

PIECE = 500
MOST_DAYS = 100
FEW = 200
"""Rows of a page whose sums are worth another look at the days of their tokens."""
WORK_MEMORY = "64MB"
"""Of a page's query at PostgreSQL, at most."""
USUAL_CURRENCY = "USD"
Row = dict[str, Any]
Rows = Any
"""A query with names of its own, which the types of rows do not follow."""


class Units(Aggregate):
    """The sum of an amount of money, in whole 1e-10: SQLite keeps amounts as floats, whose sums would drift."""

    function = "SUM"
    template = "CAST(SUM(%(expressions)s) * 10000000000 AS bigint)"
    output_field = BigIntegerField()

    def as_sqlite(self, compiler: Any, connection: Any, **context: Any) -> Any:
        """Round each row first."""
        template = "SUM(CAST(ROUND(%(expressions)s * 10000000000) AS INTEGER))"
        return super().as_sql(compiler, connection, template=template, **context)


def rows_of(question: Question) -> Iterator[Row]:
    """Yield all rows of an answer, as JSON has them, in the memory of a few."""
    found = iter(_grouped(question).iterator(chunk_size=PIECE))
    while piece := list(islice(found, PIECE)):
        yield from _shown(question, piece)


def page(question: Question, limit: int, start: int) -> tuple[list[Row], bool]:
    """Return `limit` rows from the `start`th on, and whether there are more.

    Pages go by places, not by keys: what they are sorted by are sums, which grow between two pages.
    """
    question = question if question.currency else replace(question, currency=usual_currency())
    with _memory():
        if "token" in question.by and limit <= FEW:
            places = list(_grouped(question, is_sparing=True)[start : start + limit + 1])
            return _shown(question, _summed(question, places[:limit])), len(places) > limit
        found = list(_grouped(question)[start : start + limit + 1])
    return _shown(question, found[:limit]), len(found) > limit


def _summed(question: Question, places: Sequence[Row]) -> list[Row]:
    """Return the rows of these places with all their sums, in this order.

    By token there may be a hundred thousand groups, of which a page shows a hundred: those that are not shown are
    given the one sum that orders them, and no more. The tokens of the page are found by an index.
    """
    columns = [*_columns(question), "money"]
    tokens = {row["token_id"] for row in places}
    days = {row["day"] for row in places if "day" in row} or _days(question)
    rows = _filtered(question).filter(token_id__in=tokens)
    rows = rows.filter(day__in=days) if days else rows
    found = {tuple(row[name] for name in columns): row for row in _counted(rows, *columns)}
    keys = [tuple(row[name] for name in columns) for row in places]
    return [found[key] for key in keys if key in found]


@contextmanager
def _memory() -> Iterator[None]:
    """Let PostgreSQL group in memory: it expects far more groups than there are, and would sort all rows on disk.

    Nor does it compile such a question: that would take longer than the answer.
    """
    if connection.vendor != "postgresql":
        yield
        return
    with transaction.atomic(), connection.cursor() as cursor:
        cursor.execute(f"SET LOCAL work_mem = '{WORK_MEMORY}'; SET LOCAL jit = off")
        yield


def totals(question: Question) -> list[Row]:
    """Return the sums of everything that was asked for, one row for each currency."""
    days = _of_whole_days(question)
    if days is not None:
        return added_up([_figures(row) for row in days])
    rows = _counted(_filtered(question), "money").order_by("money")
    return [_figures(row) for row in rows]


def spent(question: Question) -> dict[str, Decimal]:
    """Return what each day has cost that cost something, by day, in the usual currency alone: a chart's figures."""
    usual = question.currency or usual_currency()
    days = _of_whole_days(question)
    if days is not None:
        return _costs(days, usual)
    rows: Rows = _filtered(question).filter(currency=usual).order_by("day").values("day", "currency")
    return _costs(rows.annotate(units=Units("cost")), usual)


def totals_and_days(question: Question) -> tuple[list[Row], dict[str, Decimal]]:
    """Return `totals` and `spent`, in one query."""
    usual = question.currency or usual_currency()
    rows = _of_whole_days(question)
    if rows is None:
        rows = list(_counted(_filtered(question), "day", "currency", "money").order_by("day", "money"))
    return added_up([_figures(row) for row in rows]), _costs(rows, usual)


def _costs(rows: Iterable[Row], currency: str) -> dict[str, Decimal]:
    return {
        row["day"].isoformat(): Decimal(row["units"]).scaleb(-10)
        for row in rows
        if row["currency"] == currency
    }


def _of_whole_days(question: Question) -> list[Row] | None:
    """Return the sums of days as rows of the daily sums give them; None where those have to be asked."""
    found = None if question.filters else whole_days.find(question.begins, question.ends)
    if found is None:
        return None
    usual = question.currency or usual_currency()
    return [
        {**row, **{f"sum_{name}": row[name] for name in COUNTS}, "money": row["currency"] or usual}
        for row in found
    ]


def added_up(rows: Sequence[Row]) -> list[Row]:
    """Return the totals of rows that are all there are: the same as `totals`, without another look at the days."""
    found: dict[str, Row] = {}
    for row in rows:
        total = found.setdefault(
            row["currency"], {**dict.fromkeys(COUNTS, 0), "cost": "0", "currency": row["currency"]}
        )
        for name in COUNTS:
            total[name] += row[name]
        total["cost"] = reports.money(Decimal(total["cost"]) + Decimal(row["cost"]))
    return [found[currency] for currency in sorted(found)]


def answer(question: Question, data: Sequence[Row], sums: Sequence[Row]) -> dict[str, Any]:
    """Return the answer with these rows and totals, as JSON has it."""
    return {
        "from": question.begins.isoformat(),
        "to": question.ends.isoformat(),
        "time_zone": "UTC",
        "by": list(question.by),
        "data": data,
        "totals": sums,
        "has_more": False,
        "next_after": None,
    }


def _filtered(question: Question) -> Rows:
    rows = DailyUsage.objects.order_by().filter(day__gte=question.begins, day__lte=question.ends)
    rows = rows.filter(**{CHOSEN_BY[name]: value for name, value in question.filters})
    usual = Value(question.currency or usual_currency())
    return rows.annotate(money=Case(When(currency="", then=usual), default=F("currency")))


def usual_currency() -> str:
    """Return the currency of calls for which nothing was to pay: that of the prices."""
    known = sorted(prices.currencies())
    return known[0] if len(known) == 1 else USUAL_CURRENCY


def _days(question: Question) -> set[date]:
    """Return each day of a period that is not too long: for a range of days PostgreSQL reads more than the tokens."""
    count = (question.ends - question.begins).days + 1
    return {question.begins + timedelta(days=n) for n in range(count)} if count <= MOST_DAYS else set()


def _columns(question: Question) -> list[str]:
    return [COLUMNS[name] for name in question.by]


def _grouped(question: Question, *, is_sparing: bool = False) -> Rows:
    """Return the groups in order. `is_sparing`: without sums, but for the one that they are sorted by."""
    columns = _columns(question)
    filtered = _filtered(question)
    if is_sparing:
        rows = filtered.values(*columns, "money").annotate(**_ordering(question.sorted_by))
    else:
        rows = _counted(filtered, *columns, "money")
    label = Token.objects.filter(pk=OuterRef("token_id")).values("label")[:1]
    known = {"cost": "units", "currency": "money", **COLUMNS, **{name: f"sum_{name}" for name in COUNTS}}
    name = question.sorted_by
    order: Any = (
        Coalesce(Subquery(label), Value(""), output_field=TextField())
        if name == "token_label"
        else F(known[name])
    )
    first = order.desc() if question.is_falling else order.asc()
    return rows.order_by(first, *columns, "money")


def _counted(rows: Rows, *columns: str) -> Rows:
    counts = {f"sum_{name}": _sum_of(name) for name in COUNTS}
    return rows.values(*columns).annotate(**counts, units=Units("cost"))


def _sum_of(name: str) -> Any:
    if name == "cache_write_tokens":
        return Sum("cache_write_5m_tokens") + Sum("cache_write_1h_tokens")
    return Sum(name)


def _ordering(name: str) -> dict[str, Any]:
    """Return the sum that rows are sorted by; any, to group by, where they go by what they are about."""
    if name == "cost":
        return {"units": Units("cost")}
    known = name if name in COUNTS else COUNTS[0]
    return {f"sum_{known}": _sum_of(known)}


def _shown(question: Question, found: Sequence[Row]) -> list[Row]:
    labels: dict[str, str] = {}
    if "token" in question.by:
        labels = reports.token_labels([row["token_id"] for row in found])
    shown = []
    for row in found:
        named = {name: row[COLUMNS[name]] for name in question.by}
        if "day" in named:
            named["day"] = named["day"].isoformat()
        if "token" in named:
            named["token_label"] = labels.get(row["token_id"], "")
        shown.append({**{name: named[name] for name in question.names}, **_figures(row)})
    return shown


def _figures(row: Row) -> Row:
    counts = {name: int(row[f"sum_{name}"]) for name in COUNTS}
    return {**counts, "cost": reports.money(Decimal(row["units"]).scaleb(-10)), "currency": row["money"]}
