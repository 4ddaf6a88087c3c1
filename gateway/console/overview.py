"""The admin's first page: is it ready, who is limited, what failed last, what was used today."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import UTC, datetime

from django.db import connection
from django.db.models import QuerySet, Sum
from django.db.models.functions import Coalesce

from accounts.pool.live import pool_to_show
from accounts.pool.overview import account_view, provider_status
from accounts.pool.pool import Pool
from gateway.console.lists import hour_floor
from gateway.kernel.moments import end_for_people
from gateway.models import DailyUsage, ExchangeRow
from gateway.runtime.composition import current

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
    cooldown: str  # its end, for people; "" = on none
    windows: str
    last_error: str


@dataclass(frozen=True, slots=True)
class ProviderLine:
    """A provider to which calls, or those for some model, don't go at the moment."""

    name: str
    state: str
    cooldown: str  # its end, for people
    reason: str


@dataclass(frozen=True, slots=True)
class Overview:
    """The page's content. Counts of today are of the UTC day, from the daily sums."""

    is_ready: bool
    checks: list[tuple[str, str]]
    accounts: list[AccountLine]
    cooling_down: list[ProviderLine]
    requests_today: int
    errors_today: int
    input_tokens_today: int
    output_tokens_today: int
    requests_hour: int
    failures_hour: int
    failures: list[ExchangeRow] = field(default_factory=list)


def overview(now: datetime | None = None) -> Overview:
    """Collect the page's content, in seven queries at most, however many rows there are."""
    now = now or datetime.now(UTC)
    readiness = current().readiness()
    today = DailyUsage.objects.filter(day=now.date()).aggregate(
        requests=Coalesce(Sum("requests"), 0),
        errors=Coalesce(Sum("errors"), 0),
        read=Coalesce(Sum("input_tokens"), 0),
        cached=Coalesce(Sum("cache_read_tokens"), 0),
        written=Coalesce(Sum("cache_write_5m_tokens"), 0),
        written_1h=Coalesce(Sum("cache_write_1h_tokens"), 0),
        output=Coalesce(Sum("output_tokens"), 0),
    )
    recent = ExchangeRow.objects.filter(pk__gte=hour_floor(now)).order_by()
    requests_hour, failures_hour = _counted(recent, recent.filter(status__gte=400))
    pool = pool_to_show()
    return Overview(
        is_ready=readiness.is_ready,
        checks=sorted(readiness.checks.items()),
        accounts=_accounts(pool),
        cooling_down=_cooling_down(pool),
        requests_today=today["requests"],
        errors_today=today["errors"],
        input_tokens_today=today["read"] + today["cached"] + today["written"] + today["written_1h"],
        output_tokens_today=today["output"],
        requests_hour=requests_hour,
        failures_hour=failures_hour,
        failures=list(ExchangeRow.objects.filter(status__gte=400).order_by("-id")[:FAILURES_SHOWN]),
    )


def _counted(*rows: QuerySet[ExchangeRow]) -> list[int]:
    """Count each of them up to `HOUR_ROWS_MAX` in one question, which indexes alone can answer."""
    parts = [each.values("pk")[:HOUR_ROWS_MAX].query.sql_with_params() for each in rows]
    counts = ", ".join(f"(SELECT COUNT(*) FROM ({sql}) AS part)" for sql, _ in parts)  # noqa: S608  (Django's own SQL)
    with connection.cursor() as cursor:
        cursor.execute(f"SELECT {counts}", [value for _, values in parts for value in values])
        return [int(count) for count in cursor.fetchone() or ()]


def _accounts(pool: Pool) -> list[AccountLine]:
    views = [account_view(state, pool.now(), include_paths=False) for state in pool.states()]
    return [
        AccountLine(
            name=view["name"],
            provider=view["provider"],
            state=view["state"],
            is_healthy=view["healthy"],
            calls=view["used_total"],
            cooldown=_end(pool.now(), view["cooldown_remaining_seconds"]),
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


def _end(now: float, seconds: int | None) -> str:
    return "" if seconds is None else end_for_people(now + seconds, now)


def _cooling_down(pool: Pool) -> list[ProviderLine]:
    found = {name: provider_status(pool, name) for name in sorted(pool.breakers())}
    return [
        ProviderLine(name, one.state, end_for_people(one.until, pool.now()), one.reason)
        for name, one in found.items()
        if one is not None
    ]
