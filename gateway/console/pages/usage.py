"""`/console/usage/`: who used what, in any period, by up to three dimensions; the same figures as the API's."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from typing import Any

from django.http import HttpRequest, HttpResponseBase, StreamingHttpResponse
from django.views.decorators.http import require_safe

from gateway.console.pages.base import address, given, only, page, principal_of, shown
from gateway.console.pages.charts import bars
from gateway.kernel.streaming import streamed
from gateway.usage import reports
from gateway.usage.reporting import csv, question, sums
from gateway.usage.reporting.question import COLUMNS, FILTERS, PERIODS, Question

PATH = "/console/usage/"
ROWS = 100
PARAMETERS = ("from", "to", "month", "period", "by", "sort", "format", *FILTERS)
TIMES = ("from", "to", "month", "period")
MOST_BARS = 60


@require_safe
@page("usage")
def usage(request: HttpRequest) -> HttpResponseBase:
    asked, today = given(request), datetime.now(UTC).date()
    only(asked, PARAMETERS)
    read = question.read(asked, today)
    if asked.get("format") == csv.FORMAT:
        return _file(request, read)
    read = replace(read, currency=sums.usual_currency())
    rows, has_more = sums.page(read, ROWS, 0) if read.by else ([], True)
    totals, spent = sums.totals_and_days(read) if has_more else (sums.added_up(rows), sums.spent(read))
    context = {
        "read": read,
        "asked": asked,
        "periods": _periods(asked, today),
        "dimensions": _dimensions(asked, read),
        "fields": [(name, asked.get(name, "")) for name in FILTERS],
        "columns": _columns(asked, read),
        "rows": [_cells(read, row, asked) for row in (rows if read.by else totals)],
        "sums": [_cells(read, row, asked) for row in totals] if read.by else [],
        "has_more": has_more and bool(read.by),
        "bars": _bars(read, asked, spent),
        "csv": address(PATH, asked, format=csv.FORMAT),
        "json": address("/api/usage", asked),
    }
    return shown(request, "usage", context)


def _file(request: HttpRequest, read: Question) -> HttpResponseBase:
    lines = csv.export(read, principal=principal_of(request))
    response = StreamingHttpResponse(streamed(lines), content_type=f"{csv.MEDIA_TYPE}; charset=utf-8")
    response["Content-Disposition"] = f'attachment; filename="{csv.file_name(read)}"'
    return response


def _periods(asked: dict[str, str], today: date) -> list[dict[str, Any]]:
    """Return links to the usual periods, which keep everything else that is asked."""
    others = {name: value for name, value in asked.items() if name not in TIMES}
    links = [
        {"name": name, "url": address(PATH, others, period=name), "is_here": asked.get("period") == name}
        for name in PERIODS
    ]
    is_month = asked.get("month") == f"{today:%Y-%m}" or not any(name in asked for name in TIMES)
    return [
        *links,
        {"name": "month", "url": address(PATH, others, month=f"{today:%Y-%m}"), "is_here": is_month},
    ]


def _dimensions(asked: dict[str, str], read: Question) -> list[dict[str, Any]]:
    """Return links that sum by a dimension too, or no longer."""
    found = []
    for name in COLUMNS:
        is_here = name in read.by
        by = (
            [each for each in read.by if each != name]
            if is_here
            else [*read.by, name][-question.MOST_GROUPS :]
        )
        found.append(
            {"name": name, "url": address(PATH, asked, by=",".join(by), sort=""), "is_here": is_here}
        )
    return found


def _columns(asked: dict[str, str], read: Question) -> list[dict[str, Any]]:
    found = []
    for name in read.columns:
        is_sorted = name == read.sorted_by
        sort = name if is_sorted and read.is_falling else f"-{name}"
        order = ("descending" if read.is_falling else "ascending") if is_sorted else ""
        is_text = name in read.names or name == "currency"
        found.append(
            {"name": name, "url": address(PATH, asked, sort=sort), "order": order, "is_text": is_text}
        )
    return found


def _cells(read: Question, row: sums.Row, asked: dict[str, str]) -> list[dict[str, Any]]:
    """Return a row's cells; what a call is about leads to the calls themselves."""
    found = []
    for name in read.columns:
        value = row.get(name, "")
        url = ""
        if name in FILTERS and value:
            times = {"from": read.begins.isoformat(), "to": read.ends.isoformat()}
            url = address("/console/requests/", {**times, name: value})
        kind = "money" if name == "cost" else "text" if name in read.names or name == "currency" else "count"
        found.append({"name": name, "value": value, "kind": kind, "url": url})
    return found


NOTHING = Decimal()


def _bars(read: Question, asked: dict[str, str], spent: dict[str, Decimal]) -> Any:
    """Return what each day cost, in the usual currency, where the period is not longer than a chart is wide."""
    if (read.ends - read.begins).days >= MOST_BARS:
        return []
    days = [
        (read.begins + timedelta(days=number)).isoformat()
        for number in range((read.ends - read.begins).days + 1)
    ]
    return bars(
        [
            (
                f"{day}: {reports.money(spent.get(day, NOTHING))} {read.currency}",
                spent.get(day, NOTHING),
                address(PATH, {**asked, "from": day, "to": day}, period="", month=""),
            )
            for day in (days if spent else ())
        ]
    )
