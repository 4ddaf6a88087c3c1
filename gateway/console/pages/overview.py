"""`/console/`: today beside yesterday, what needs somebody, the accounts."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from typing import Any
from urllib.parse import quote

from django.http import Http404, HttpRequest, HttpResponseBase
from django.shortcuts import redirect
from django.views.decorators.http import require_POST, require_safe

from accounts import services as accounts
from accounts.errors import UnknownAccount
from accounts.pool.live import pool_to_show
from accounts.pool.overview import account_view
from accounts.pool.pool import Pool
from gateway.console.api import collected
from gateway.console.pages.base import given, may_operate, only, page, principal_of, problem, shown
from gateway.console.pages.charts import bars
from gateway.kernel.asking import BadParameter
from gateway.kernel.moments import end_for_people
from gateway.usage.reporting import question, sums

SPANS = {"7d": 7, "30d": 30}
ACTIONS = {"reset": accounts.clear, "pause": accounts.pause, "resume": accounts.resume}
WORDS = {
    "needs-login": "needs a login",
    "no-credential": "has no credential",
    "quota-pause": "paused at its quota",
}


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


@require_POST
@page("overview")
def act(request: HttpRequest, name: str, action: str) -> HttpResponseBase:
    """Reset, pause or resume an account, and lead back to the overview."""
    if not may_operate(request):
        return problem(request, 403, "You may not do this", "It takes the role of an operator.")
    if action not in ACTIONS:
        raise Http404
    try:
        ACTIONS[action](name, principal=principal_of(request))
    except UnknownAccount as exc:
        raise Http404 from exc
    return redirect("/console/#accounts")


def account_cards(pool: Pool) -> list[dict[str, Any]]:
    """Return accounts as people are shown them."""
    now, cards = pool.now(), []
    for state in pool.states():
        view = account_view(state, now, include_paths=False)
        if view["absent"]:
            continue
        remaining = view["cooldown_remaining_seconds"]
        windows = [
            {"name": window["name"], "percent": min(100, round(window["used_percent"]))}
            for window in view["quota"]
            if window.get("used_percent") is not None
        ]
        cards.append(
            {
                **view,
                "word": WORDS.get(view["state"], view["state"]),
                "back": "" if remaining is None else end_for_people(now + remaining, now),
                "windows": windows,
                "url": f"/console/requests/?account={quote(view['name'])}",
                "path": f"/console/accounts/{quote(view['name'], safe='')}/",
            }
        )
    return cards


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
