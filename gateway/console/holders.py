"""Collect who holds tokens: people with their caps, what is spent of them, and the tokens that are in use."""

from __future__ import annotations

import time
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any
from urllib.parse import quote, urlencode

from django.conf import settings
from django.contrib.auth.models import User
from django.db.models import OuterRef, Q, QuerySet, Subquery, Sum

from gateway.kernel.moments import distance, end_for_people
from gateway.kernel.parts import PARTS
from gateway.models import DailyUsage, ExchangeRow
from gateway.usage import reports
from gateway.usage.viewing import LedgerReader
from tokens import services
from tokens.limits.book import period_of
from tokens.limits.calendar import Calendar
from tokens.limits.usage import READER
from tokens.models import Token
from tokens.people import roles, standing
from tokens.people.models import Person
from tokens.records import Limits, currency_of, limits_of

PEOPLE = 50
MOST_TOKENS = 500
OF_NOBODY = 50
Card = dict[str, Any]
Rows = Any


@dataclass(frozen=True, slots=True)
class Holders:
    """A page of people, each with her tokens; tokens of nobody; where to go on."""

    people: list[Card]
    nobody: list[Card]
    next_after: str


def page(text: str, after: str) -> Holders:
    """Return people whose address or name has the text, behind the login with the number `after`. Seven queries."""
    found = list(_behind(User.objects.select_related("person"), after, text)[: PEOPLE + 1])
    users, next_after = found[:PEOPLE], str(found[PEOPLE - 1].pk) if len(found) > PEOPLE else ""
    nobody = [] if text or after else list(_alive().filter(person=None, sign_in=None)[:OF_NOBODY])
    people, spent = _people(users, nobody)
    return Holders(people, [card(token, spent) for token in nobody], next_after)


def of_person(user: User) -> Card:
    """Return one person as pages show her, with her tokens."""
    return _people([user], ())[0][0]


def _people(users: Sequence[User], others: Sequence[Token]) -> tuple[list[Card], dict[str, Decimal]]:
    """Return people with their tokens; and what is spent of their limits, and of those of other tokens."""
    tokens = list(_alive().filter(person_id__in=[user.pk for user in users])[:MOST_TOKENS])
    groups = standing.memberships(user.pk for user in users)
    caps = {user.pk: _cap(user, groups.get(user.pk, ())) for user in users}
    spent = spent_of([*caps.values(), *(limits_of(token, token.ledger_id) for token in (*tokens, *others))])
    held = roles.roles_of(users)
    people = [
        {
            "email": standing.address_of(user),
            "path": person_path(standing.address_of(user)),
            "name": user.get_full_name(),
            "is_active": user.is_active,
            "role": held.get(user.pk, ""),
            "groups": [group.name for group in groups.get(user.pk, ())],
            "budget": budget(caps[user.pk], spent),
            "tokens": [card(token, spent) for token in tokens if token.person_id == user.pk],
        }
        for user in users
    ]
    return people, spent


def of_token(token_id: str) -> Card:
    """Return one token as pages show it, whatever state it is in. Raises TokenNotFound."""
    known = services.get(token_id)
    token = _told(Token.objects.all()).get(pk=known.pk)
    return card(token, spent_of([limits_of(token, token.ledger_id)]))


def card(token: Rows, spent: dict[str, Decimal]) -> Card:
    """Return a token as pages show it."""
    now = time.time()
    sign_in = token.sign_in
    return {
        "id": token.id,
        "label": token.label or token.id,
        "sign_in": "" if sign_in is None else sign_in.client or sign_in.surface,
        "is_sign_in": sign_in is not None,
        "person": "" if token.person is None else standing.address_of(token.person.user),
        "group": "" if token.group is None else token.group.name,
        "state": token.state(now),
        "issued": _day(token.issued_at),
        "ends": _end(token.expires_at, now),
        "used": _used(token.last_call, now),
        "budget": None if sign_in is not None else budget(limits_of(token, token.ledger_id), spent),
        "path": path_of(token.id),
        "is_over": token.is_revoked or sign_in is not None,
        "calls": f"/console/requests/?token={quote(token.id, safe='')}",
        "usage": f"/console/usage/?token={quote(token.id, safe='')}&by=model",
    }


def person_path(email: str) -> str:
    """Return the address of a person's page: a parameter, since addresses may have any sign in them."""
    return f"/console/people/person/?{urlencode({'email': email})}"


def path_of(token_id: str) -> str:
    """Return the address of a token's page."""
    return f"/console/people/tokens/{quote(token_id, safe='')}/"


def budget(limits: Limits, spent: dict[str, Decimal]) -> Card | None:
    """Return what is spent of a budget, for a bar; None without one."""
    if limits.budget is None:
        return None
    amount, now = spent.get(limits.ledger, Decimal(0)), time.time()
    ends = period_of(limits, Calendar(settings.GATEWAY.BUDGET_TIME_ZONE), now).end
    percent = int(amount * 100 / limits.budget) if limits.budget else 100
    return {
        "spent": reports.money(amount),
        "limit": reports.money(limits.budget),
        "currency": currency_of(limits),
        "percent": percent,
        "shown": min(100, percent),
        "period": "" if limits.budget_period in ("", "never") else f"a {limits.budget_period}",
        "anew": "" if ends == float("inf") else end_for_people(ends, now),
    }


def spent_of(sets: Iterable[Limits]) -> dict[str, Decimal]:
    """Return what is spent of budgets by ledger: as the running ledger knows it, else from the daily sums, in UTC days.

    One query at most.
    """
    known, left = known_of(sets)
    return {**_recorded(left), **known}


def known_of(sets: Iterable[Limits]) -> tuple[dict[str, Decimal], list[Limits]]:
    """Return what the running ledger says is spent of budgets, and the limits with a budget that it does not know."""
    wanted = {each.ledger: each for each in sets if each.budget is not None}
    reader = PARTS.get(READER)
    states = reader.known(tuple(wanted.values())) if wanted and isinstance(reader, LedgerReader) else ()
    known = {state.limits.ledger: state.spent for state in states}
    return known, [each for ledger, each in wanted.items() if ledger not in known]


def _recorded(sets: Sequence[Limits]) -> dict[str, Decimal]:
    if not sets:
        return {}
    calendar, now = Calendar(settings.GATEWAY.BUDGET_TIME_ZONE), time.time()
    begins = {
        each.ledger: datetime.fromtimestamp(period_of(each, calendar, now).start, UTC).date() for each in sets
    }
    currencies = {each.ledger: currency_of(each) for each in sets}
    rows: Rows = DailyUsage.objects.filter(
        ledger_id__in=list(begins), day__gte=min(begins.values())
    ).order_by()
    found: dict[str, Decimal] = {}
    for row in rows.values("ledger_id", "day", "currency").annotate(total=Sum("cost")):
        ledger = row["ledger_id"]
        if row["day"] >= begins[ledger] and row["currency"] == currencies[ledger]:
            found[ledger] = found.get(ledger, Decimal(0)) + row["total"].quantize(Decimal("1e-10"))
    return found


def _behind(rows: QuerySet[User], after: str, text: str) -> QuerySet[User]:
    rows = rows.order_by("email", "username")
    if text:
        rows = rows.filter(
            Q(email__icontains=text) | Q(username__icontains=text) | Q(first_name__icontains=text)
        )
    last = User.objects.filter(pk=int(after)).first() if after else None
    if last is None:
        return rows
    return rows.filter(Q(email__gt=last.email) | Q(email=last.email, username__gt=last.username))


def _alive() -> Rows:
    rows = _told(Token.objects.filter(revoked_at=None, expires_at__gt=time.time()))
    return rows.order_by("-issued_at", "-id")


def _told(rows: Rows) -> Rows:
    """Add when each was used last: the newest call of each is one step in an index."""
    newest = ExchangeRow.objects.filter(token_id=OuterRef("pk")).order_by("-id").values("started_at")[:1]
    return rows.select_related("group", "sign_in", "person__user").annotate(last_call=Subquery(newest))


def _cap(user: User, groups: Sequence[Any]) -> Limits:
    """Return the limits of all sign-ins of a person, her first group's budget for members among them."""
    limits = standing.limits(standing.person_of(user), groups[0] if groups else None)
    return limits_of(Person(user=user, **limits), standing.ledger_of(user.pk))


def _used(at: datetime | None, now: float) -> str:
    return "never" if at is None else distance(min(-1.0, at.timestamp() - now))


def _end(at: int, now: float) -> str:
    return end_for_people(at, now) if 0 < at < 253_402_300_800 else str(at)


def _day(at: int) -> str:
    return datetime.fromtimestamp(at, UTC).strftime("%d %b %Y") if 0 <= at < 253_402_300_800 else str(at)
