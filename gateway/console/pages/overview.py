"""`/console/`: today beside yesterday, what needs somebody, the accounts."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from typing import Any

from django.http import HttpRequest, HttpResponseBase
from django.views.decorators.http import require_safe

from accounts.pool.live import pool_to_show
from gateway.console import trend
from gateway.console.api import collected
from gateway.console.pages.base import address, given, may_operate, only, page, shown
from gateway.console.pages.cards import account_cards
from gateway.console.pages.charts import bars
from gateway.kernel.asking import BadParameter
from gateway.usage import reports
from gateway.usage.reporting import sums

HOURS = "24h"
DAYS = {"7d": 7, "30d": 30}
SPANS = (HOURS, *DAYS)


@require_safe
@page("overview")
def overview(request: HttpRequest) -> HttpResponseBase:
    """Show how today goes."""
    asked, now = given(request), datetime.now(UTC)
    today = now.date()
    only(asked, ("span",))
    span = asked.get("span", "7d")
    if span not in SPANS:
        raise BadParameter("span", f"must be one of {', '.join(SPANS)}")
    currency = sums.usual_currency()
    told = collected(now, currency)
    context = {
        **told,
        "day": today,
        "rows": _rows([(today, told["today"]), (today - timedelta(days=1), told["yesterday"])]),
        "currency": currency,
        "accounts": account_cards(pool_to_show()),
        "may_operate": may_operate(request),
        "charts": _charts(span, now, currency),
        "span": span,
        "spans": SPANS,
    }
    return shown(request, "overview", context)


def _rows(days: Sequence[tuple[date, dict[str, Any]]]) -> list[tuple[str, list[tuple[Any, str]]]]:
    """Return the times of days, side by side, each with the address of its calls: the slower ones, of whole answers."""
    names = (
        ("First byte, median", "first_byte_p50"),
        ("First byte, 95 %", "first_byte_p95"),
        ("Whole answer, median", "total_p50"),
        ("Whole answer, 95 %", "total_p95"),
        ("Of it ours, median", "overhead_p50"),
    )
    rows = []
    for title, name in names:
        cells = []
        for day, told in days:
            asked = {"from": str(day), "to": str(day)}
            slower = str(told[name]) if name.startswith("total") and told[name] is not None else ""
            cells.append((told[name], address("/console/requests/", asked, slower_than=slower)))
        rows.append((title, cells))
    return rows


def _charts(span: str, now: datetime, usual: str) -> dict[str, Any]:
    """Return the bars of money and of calls, those that failed among them, and what stands below them."""
    points = trend.hours(now, usual) if span == HOURS else trend.days(now.date(), DAYS[span], usual)
    is_days = span != HOURS
    failed = "/console/requests/?status=failed&"
    costs = [
        (
            f"{each.title}: {reports.money(each.cost)} {usual}",
            each.cost,
            f"/console/{'usage/' if is_days else 'requests/'}?{each.query}{'&by=person' if is_days else ''}",
        )
        for each in points
    ]
    calls = [
        (
            f"{each.title}: {each.calls} call{'' if each.calls == 1 else 's'}, {each.errors} failed",
            Decimal(each.calls),
            f"/console/requests/?{each.query}",
        )
        for each in points
    ]
    errors = [
        (f"{each.title}: {each.errors} failed", Decimal(each.errors), failed + each.query) for each in points
    ]
    most = max(each.calls for each in points)
    return {
        "spent": bars(costs),
        "calls": bars(calls),
        "failed": bars(errors, Decimal(most)),
        "first": points[0].title,
        "last": points[-1].title,
        "most_spent": reports.money(max(each.cost for each in points)),
        "most_calls": most,
    }
