"""Collect groups of people with their members, what is spent and used, and which models they may call."""

from __future__ import annotations

import time
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any
from urllib.parse import quote

from django.conf import settings
from django.contrib.auth.models import User
from django.db.models import Q, Sum

from gateway.console.holders import Card, budget, known_of
from gateway.models import DailyUsage
from gateway.usage import reports
from tokens.limits.book import period_of
from tokens.limits.calendar import Calendar
from tokens.models import Group
from tokens.records import Limits, currency_of, group_ledger, limits_of

MOST = 50
MOST_MEMBERS = 2_000
NAMED = 8
"""Members that are named; the others are counted."""


def listed() -> list[Card]:
    """Return the groups, those of the lowest priority first. Four queries at most."""
    rows = list(Group.objects.select_related("parent").order_by("priority", "name")[:MOST])
    if not rows:
        return []
    members, used = _members(rows), _used(rows)
    limits = {row.pk: limits_of(row, group_ledger(row.pk), row.name) for row in rows}
    spent = _spent(list(limits.values()))
    return [
        {
            "name": row.name,
            "parent": row.parent.name if row.parent else "",
            "members": members.get(row.name, [])[:NAMED],
            "others": max(0, len(members.get(row.name, [])) - NAMED),
            "budget": budget(limits[row.pk], spent),
            "member_budget": None if row.member_budget is None else reports.money(row.member_budget),
            "member_budget_period": row.member_budget_period,
            "models": row.allowed_models or [],
            "calls": sum(each["calls"] for each in used.get(row.name, [])),
            "costs": [each for each in used.get(row.name, []) if each["cost"] != "0"],
            "asked": quote(row.name, safe=""),
        }
        for row in rows
    ]


def _members(rows: list[Group]) -> dict[str, list[str]]:
    """Map each group to the addresses of its people; Django's group of the same name has them."""
    users = User.objects.filter(groups__name__in=[row.name for row in rows], is_active=True)
    found: dict[str, list[str]] = {}
    pairs: Any = users.order_by("email", "username").values_list("groups__name", "email", "username")
    for name, email, username in pairs[:MOST_MEMBERS]:
        found.setdefault(name, []).append(email or username)
    return found


def _used(rows: list[Group]) -> dict[str, list[Card]]:
    """Map each group to its calls and money of this month, a line each currency. UTC, as the daily sums are."""
    first = datetime.now(UTC).date().replace(day=1)
    sums: Any = DailyUsage.objects.filter(day__gte=first, group__in=[row.name for row in rows]).order_by()
    found: dict[str, list[Card]] = {}
    for row in sums.values("group", "currency").annotate(calls=Sum("requests"), total=Sum("cost")):
        told = {"calls": row["calls"], "cost": reports.money(row["total"]), "currency": row["currency"]}
        found.setdefault(row["group"], []).append(told)
    return found


def _spent(sets: list[Limits]) -> dict[str, Decimal]:
    """Return what is spent of pools by ledger: as the running ledger knows it, else from the daily sums."""
    known, left = known_of(sets)
    return {**_recorded(left), **known}


def _recorded(sets: list[Limits]) -> dict[str, Decimal]:
    if not sets:
        return {}
    calendar, now = Calendar(settings.GATEWAY.BUDGET_TIME_ZONE), time.time()
    begins = {
        each.ledger: datetime.fromtimestamp(period_of(each, calendar, now).start, UTC).date() for each in sets
    }
    currencies = {each.ledger: currency_of(each) for each in sets}
    sums: Any = DailyUsage.objects.filter(
        Q(group_ledger__in=list(begins)) | Q(parent_ledger__in=list(begins)), day__gte=min(begins.values())
    ).order_by()
    found: dict[str, Decimal] = {}
    for row in sums.values("group_ledger", "parent_ledger", "day", "currency").annotate(total=Sum("cost")):
        for ledger in {row["group_ledger"], row["parent_ledger"]} & set(begins):
            if row["day"] >= begins[ledger] and row["currency"] == currencies[ledger]:
                found[ledger] = found.get(ledger, Decimal(0)) + row["total"].quantize(Decimal("1e-10"))
    return found
