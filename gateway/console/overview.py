"""What the admin's first page answers at 2 a.m.: does it run, who is limited, what failed last, what was used today."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta

from django.db.models import Count, Q, Sum
from django.db.models.functions import Coalesce

from accounts.live import pool_to_show
from accounts.overview import account_view, provider_condition
from gateway.models import DailyUsage, ExchangeRow
from gateway.runtime import runtime

FAILURES_SHOWN = 8
HOUR_ROWS_MAX = 50_000
"""The last hour is counted from rows, up to this many."""


@dataclass(frozen=True, slots=True)
class AccountLine:
    """One account as it stands in this process."""

    name: str
    provider: str
    state: str
    is_healthy: bool
    calls: int
    rests_seconds: int | None
    windows: str
    last_error: str


@dataclass(frozen=True, slots=True)
class ProviderLine:
    """A provider to which calls, or those for some model, don't go at the moment."""

    name: str
    state: str
    rests_seconds: int
    reason: str


@dataclass(frozen=True, slots=True)
class Overview:
    """The page's content. Counts of today are of the UTC day, from the daily sums."""

    is_ready: bool
    checks: list[tuple[str, str]]
    accounts: list[AccountLine]
    resting: list[ProviderLine]
    requests_today: int
    errors_today: int
    input_tokens_today: int
    output_tokens_today: int
    requests_hour: int
    failures_hour: int
    failures: list[ExchangeRow] = field(default_factory=list)


def overview(now: datetime | None = None) -> Overview:
    """Six queries at most, however many rows there are."""
    now = now or datetime.now(UTC)
    readiness = runtime.readiness()
    today = DailyUsage.objects.filter(day=now.date()).aggregate(
        requests=Coalesce(Sum("requests"), 0),
        errors=Coalesce(Sum("errors"), 0),
        read=Coalesce(Sum("input_tokens"), 0),
        cached=Coalesce(Sum("cache_read_tokens"), 0),
        written=Coalesce(Sum("cache_write_5m_tokens"), 0),
        written_1h=Coalesce(Sum("cache_write_1h_tokens"), 0),
        output=Coalesce(Sum("output_tokens"), 0),
    )
    recent = ExchangeRow.objects.filter(started_at__gte=now - timedelta(hours=1)).order_by("-id")
    hour = ExchangeRow.objects.filter(pk__in=recent.values("pk")[:HOUR_ROWS_MAX]).aggregate(
        requests=Count("id"), failures=Count("id", filter=Q(status__gte=400))
    )
    return Overview(
        is_ready=readiness.is_ready,
        checks=sorted(readiness.checks.items()),
        accounts=_accounts(),
        resting=_resting(),
        requests_today=today["requests"],
        errors_today=today["errors"],
        input_tokens_today=today["read"] + today["cached"] + today["written"] + today["written_1h"],
        output_tokens_today=today["output"],
        requests_hour=hour["requests"],
        failures_hour=hour["failures"],
        failures=list(ExchangeRow.objects.filter(status__gte=400).order_by("-id")[:FAILURES_SHOWN]),
    )


def _accounts() -> list[AccountLine]:
    pool = pool_to_show()
    views = [account_view(state, pool.now(), include_paths=False) for state in pool.states()]
    return [
        AccountLine(
            name=view["name"],
            provider=view["provider"],
            state=view["state"],
            is_healthy=view["healthy"],
            calls=view["used_total"],
            rests_seconds=view["cooldown_remaining_seconds"],
            windows=", ".join(
                f"{window['name']} {window['used_percent']:.0f} %"
                for window in view["quota"]
                if window.get("used_percent") is not None
            ),
            last_error=view["last_error"] or "",
        )
        for view in views
        if not view["absent"]
    ]


def _resting() -> list[ProviderLine]:
    pool = pool_to_show()
    found = {name: provider_condition(pool, name) for name in sorted(pool.breakers())}
    return [
        ProviderLine(name, one.state, max(0, round(one.until - pool.now())), one.reason)
        for name, one in found.items()
        if one is not None
    ]
