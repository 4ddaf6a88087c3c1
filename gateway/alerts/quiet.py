"""Quiet hours: when they end for a rule. Pure; times are aware, clocks of BUDGET_TIME_ZONE."""

from __future__ import annotations

from datetime import datetime, time, timedelta, tzinfo


def ends_at(quiet_from: str, quiet_to: str, now: datetime, zone: tzinfo) -> datetime | None:
    """Return when the quiet hours end that `now` lies in; None outside of them, or where there are none."""
    if not (quiet_from and quiet_to):
        return None
    local = now.astimezone(zone)
    begin, end = time.fromisoformat(quiet_from), time.fromisoformat(quiet_to)
    clock = local.time().replace(tzinfo=None)
    is_quiet = begin <= clock < end if begin < end else clock >= begin or clock < end
    if not is_quiet:
        return None
    day = local.date() + timedelta(days=1 if clock >= end else 0)
    return datetime.combine(day, end, zone).astimezone(now.tzinfo)
