"""Answer pages' questions about recorded usage from the daily sums, never by reading exchanges."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from datetime import date, timedelta
from decimal import Decimal

from django.db import connection
from django.db.models import Sum

from gateway.models import DailyUsage
from tokens.models import Token

CHOICES_MAX = 50
CHOICES_DAYS = 31
SEEN = ("token_id", "account", "provider", "model")
CHOICES_ROWS = 10_000
"""Daily sums that are looked at for a filter's choices: the newest."""


@dataclass(frozen=True, slots=True)
class Line:
    """Sums of one token, account or model."""

    name: str
    requests: int
    errors: int
    cancelled: int
    refused: int
    input_tokens: int
    cached_tokens: int
    output_tokens: int
    cost: str  # a decimal, without closing zeros


@dataclass(frozen=True, slots=True)
class Grouping:
    """One table of a report, the busiest first."""

    title: str
    lines: list[Line]


def of_day(day: date) -> list[Grouping]:
    """Report one UTC day's use by token, by account and by model; at most `CHOICES_MAX` lines each."""
    by_token = _lines(day, "token_id")
    labels = token_labels([line.name for line in by_token])
    return [
        Grouping("Tokens", [_renamed(line, labels.get(line.name, line.name)) for line in by_token]),
        Grouping("Accounts", _lines(day, "account")),
        Grouping("Models", _lines(day, "model")),
    ]


def token_labels(token_ids: list[str]) -> dict[str, str]:
    """Map token ids to labels, for tokens that still exist and have one."""
    rows = Token.objects.filter(pk__in=token_ids).exclude(label="").values_list("pk", "label")
    return dict(rows)


def values_seen(today: date) -> dict[str, list[str]]:
    """Return the busiest values of each column of `SEEN`, in one query: the choices of filters.

    A busy month has hundreds of thousands of daily sums, of which the newest say what is used now.
    """
    since = today - timedelta(days=CHOICES_DAYS)
    newest = DailyUsage.objects.filter(day__gte=since).order_by("-day").values_list(*SEEN, "requests")
    sql, values = newest[:CHOICES_ROWS].query.sql_with_params()
    columns = ", ".join(SEEN)
    with connection.cursor() as cursor:
        # Django's own SQL, and our own names.
        cursor.execute(f"SELECT {columns}, SUM(requests) FROM ({sql}) AS newest GROUP BY {columns}", values)  # noqa: S608
        rows = cursor.fetchall()
    found: dict[str, list[str]] = {}
    for place, column in enumerate(SEEN):
        counted: Counter[str] = Counter()
        for row in rows:
            counted[row[place]] += int(row[-1])
        counted.pop("", None)
        found[column] = [value for value, _ in counted.most_common(CHOICES_MAX)]
    return found


def money(amount: Decimal) -> str:
    """Write an amount with all its digits, without closing zeros."""
    text = f"{amount:f}"
    return text.rstrip("0").rstrip(".") if "." in text else text


def _lines(day: date, column: str) -> list[Line]:
    names = ("requests", "errors", "cancelled", "refused", "input_tokens", "output_tokens", "cost")
    cached = Sum("cache_read_tokens") + Sum("cache_write_5m_tokens") + Sum("cache_write_1h_tokens")
    rows = DailyUsage.objects.filter(day=day).order_by().values(column)
    summed = rows.annotate(cached=cached, **{f"sum_{name}": Sum(name) for name in names})
    return [
        Line(
            name=row[column],
            cached_tokens=row["cached"],
            cost=money(row["sum_cost"]),
            **{name: row[f"sum_{name}"] for name in names if name != "cost"},
        )
        for row in summed.order_by("-sum_requests", column)[:CHOICES_MAX]
    ]


def _renamed(line: Line, name: str) -> Line:
    values = {field: getattr(line, field) for field in Line.__slots__}
    return Line(**(values | {"name": name}))
