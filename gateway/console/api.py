"""Answer `GET /api/overview`. Authentication is the gateway's; nothing is changed here."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any, Literal

from django.http import HttpRequest
from ninja import Router, Schema

from gateway.console import figures, needs
from gateway.runtime.composition import current
from gateway.telemetry.counters import DAY_SECONDS
from gateway.usage.reporting.sums import usual_currency

router = Router(tags=["overview"])


class FiguresOut(Schema):
    """One UTC day. Times are seconds, of the day's newest 5,000 calls; `cost` a decimal."""

    calls: int
    errors: int
    error_rate: float
    cost: str
    first_byte_p50: float | None
    first_byte_p95: float | None
    total_p50: float | None
    total_p95: float | None
    overhead_p50: float | None


class NeedOut(Schema):
    kind: Literal["account-login", "account-out", "provider-out", "budget", "no-price", "no-account"]
    subject: str
    text: str
    url: str


class OverviewOut(Schema):
    today: FiguresOut
    yesterday: FiguresOut
    live_streams: int
    noise: int
    needs_you: list[NeedOut]


@router.get("", response=OverviewOut, summary="Tell how today goes, beside yesterday")
def overview(request: HttpRequest) -> dict[str, Any]:
    """Tell of both days, and of what needs somebody."""
    return collected(datetime.now(UTC), usual_currency())


def collected(now: datetime, currency: str) -> dict[str, Any]:
    """Return the overview as JSON has it. `noise`: today's calls without a valid token, since this run began."""
    today, counts = now.date(), current().composed.metrics.total()
    both = today, today - timedelta(days=1)
    sums = figures.sums_of(both)
    days = figures.of_days(both, currency, sums)
    is_today = counts.noise_day == int(now.timestamp() // DAY_SECONDS)
    return {
        "today": days[0].as_json(),
        "yesterday": days[1].as_json(),
        "live_streams": counts.streams,
        "noise": counts.noise if is_today else 0,
        "needs_you": [need.as_json() for need in needs.needs(today, sums)],
    }
