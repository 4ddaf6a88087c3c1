"""`/console/`: today beside yesterday, what needs somebody, the accounts."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from typing import Any

from django.http import HttpRequest, HttpResponseBase
from django.views.decorators.http import require_safe

from accounts.pool.live import pool_to_show
from gateway.console.api import collected
from gateway.console.pages.base import given, may_operate, only, page, shown
from gateway.console.pages.cards import account_cards
from gateway.console.pages.charts import bars
from gateway.kernel.asking import BadParameter
from gateway.usage.reporting import question, sums

SPANS = {"7d": 7, "30d": 30}


@require_safe
@page("overview")
def overview(request: HttpRequest) -> HttpResponseBase:
    """Show how today goes."""
    asked, now = given(request), datetime.now(UTC)
    only(asked, ("span",))
    span = asked.get("span", "7d")
    if span not in SPANS:
        raise BadParameter("span", f"must be one of {', '.join(SPANS)}")
    currency = sums.usual_currency()
    told = collected(now, currency)
    context = {
        **told,
        "day": now.date(),
        "rows": _rows(told["today"], told["yesterday"]),
        "currency": currency,
        "accounts": account_cards(pool_to_show()),
        "may_operate": may_operate(request),
        "bars": _days(now.date(), SPANS[span], currency),
        "span": span,
        "spans": tuple(SPANS),
    }
    return shown(request, "overview", context)


def _rows(today: dict[str, Any], yesterday: dict[str, Any]) -> list[tuple[str, Any, Any]]:
    """Return the times of both days, side by side."""
    names = (
        ("First byte, median", "first_byte_p50"),
        ("First byte, 95 %", "first_byte_p95"),
        ("Whole answer, median", "total_p50"),
        ("Whole answer, 95 %", "total_p95"),
        ("Of it ours, median", "overhead_p50"),
    )
    return [(title, today[name], yesterday[name]) for title, name in names]


def _days(today: date, count: int, usual: str) -> Any:
    """Return bars of what each of the last days cost, in the usual currency."""
    first = today - timedelta(days=count - 1)
    costs = sums.spent(question.Question(first, today, currency=usual))
    days = [(first + timedelta(days=n)).isoformat() for n in range(count)]
    return bars(
        [
            (
                f"{day}: {costs.get(day, '0')} {usual}",
                Decimal(costs.get(day, "0")),
                f"/console/usage/?from={day}&to={day}&by=person",
            )
            for day in days
        ]
    )
