"""Sum usage from the daily rows, never from the exchanges. Money is added up exactly, in whole 1e-10."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
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
from gateway.usage import reports
from gateway.usage.prices import services as prices
from gateway.usage.reporting.question import CHOSEN_BY, COLUMNS, COUNTS, Question
from tokens.models import Token

PIECE = 500
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
    with _memory():
        found = list(_grouped(question)[start : start + limit + 1])
    return _shown(question, found[:limit]), len(found) > limit


@contextmanager
def _memory() -> Iterator[None]:
    """Let PostgreSQL group in memory: it expects far more groups than there are, and would sort all rows on disk."""
    if connection.vendor != "postgresql":
        yield
        return
    with transaction.atomic(), connection.cursor() as cursor:
        cursor.execute(f"SET LOCAL work_mem = '{WORK_MEMORY}'")
        yield


def totals(question: Question) -> list[Row]:
    """Return the sums of everything that was asked for, one row for each currency."""
    rows = _counted(_filtered(question), "money").order_by("money")
    return [_figures(row) for row in rows]


def spent(question: Question) -> dict[str, Decimal]:
    """Return what each day has cost that cost something, by day, in the usual currency alone: a chart's figures."""
    usual = question.currency or usual_currency()
    rows: Rows = _filtered(question).filter(currency=usual).order_by("day").values("day")
    sums = rows.annotate(units=Units("cost"))
    return {row["day"].isoformat(): Decimal(row["units"]).scaleb(-10) for row in sums}


def totals_and_days(question: Question) -> tuple[list[Row], dict[str, Decimal]]:
    """Return `totals` and `spent`, in one query."""
    usual = question.currency or usual_currency()
    found: list[Row] = []
    costs: dict[str, Decimal] = {}
    for row in _counted(_filtered(question), "day", "currency", "money").order_by("day", "money"):
        found.append(_figures(row))
        if row["currency"] == usual:
            costs[row["day"].isoformat()] = Decimal(row["units"]).scaleb(-10)
    return added_up(found), costs


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


def _grouped(question: Question) -> Rows:
    columns = [COLUMNS[name] for name in question.by]
    rows = _counted(_filtered(question), *columns, "money")
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
    written = Sum("cache_write_5m_tokens") + Sum("cache_write_1h_tokens")
    sums: dict[str, Any] = {f"sum_{name}": Sum(name) for name in COUNTS if name != "cache_write_tokens"}
    return rows.values(*columns).annotate(**sums, sum_cache_write_tokens=written, units=Units("cost"))


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
