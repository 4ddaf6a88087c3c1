"""Filters for pages that people read: money, counts, seconds and moments."""

from __future__ import annotations

from datetime import UTC, datetime
from decimal import Decimal

from django import template

register = template.Library()
CENT = Decimal("0.01")


@register.filter
def money(amount: str | None) -> str:
    """Write an amount with two decimals; what is not nothing never looks like nothing."""
    if not amount:
        return "–"
    exact = Decimal(amount)
    if exact and abs(exact) < CENT:
        return "< 0.01"
    return f"{exact:,.2f}"


@register.filter
def grouped(count: int | None) -> str:
    """Write a count with its digits grouped."""
    return "–" if count is None else f"{count:,}".replace(",", "\N{NARROW NO-BREAK SPACE}")


@register.filter
def seconds(value: float | None) -> str:
    """Write a duration, the shorter the finer."""
    if value is None:
        return "–"
    if value < 0.01:
        return f"{value * 1000:.2f}\N{NO-BREAK SPACE}ms"
    return f"{value * 1000:.0f}\N{NO-BREAK SPACE}ms" if value < 1 else f"{value:.2f}\N{NO-BREAK SPACE}s"


@register.filter
def share(value: float) -> str:
    """Write a share as percent."""
    return f"{value * 100:.1f}\N{NO-BREAK SPACE}%"


@register.filter
def clock(moment: str) -> str:
    """Write a moment of RFC 3339: the time alone when it is today."""
    at = datetime.fromisoformat(moment)
    return at.strftime("%H:%M:%S" if at.date() == datetime.now(UTC).date() else "%d %b %H:%M:%S")


@register.filter
def day(moment: int) -> str:
    """Write the day of a moment in Unix seconds; what no calendar has stays a number."""
    try:
        return f"{datetime.fromtimestamp(moment, UTC):%Y-%m-%d}"
    except (ValueError, OverflowError, OSError):
        return str(moment)


@register.filter
def words(name: str) -> str:
    """Write a column's name as words."""
    return name.replace("_", " ")
