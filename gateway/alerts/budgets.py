"""See what is spent of budgets: of those that events name at once, of all of them now and then. Synchronous."""

from __future__ import annotations

import time
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal

from django.conf import settings

from gateway.alerts.models import AlertEvent
from gateway.alerts.seen import Seen
from gateway.kernel import events
from gateway.kernel.events import Event
from gateway.kernel.parts import PARTS
from tokens.limits.calendar import Calendar
from tokens.limits.ledger import State
from tokens.limits.usage import READER
from tokens.models import Group, Token
from tokens.people import standing
from tokens.records import Limits, currency_of, group_ledger, limits_of

BATCH = 500
MOST = 20_000
"""Budgets that are looked at beside events."""
MOST_FROM_ROWS = 200
KINDS = (events.BUDGET_SHARE, events.BUDGET_REFUSED)


@dataclass(frozen=True, slots=True)
class Budget:
    """Whose budget it is, as the audit calls it, and how people call it."""

    subject: str
    label: str
    limits: Limits


def of_events(noted: Iterable[Event]) -> Iterator[Seen]:
    """Yield what events tell of budgets."""
    told = [event for event in noted if event.kind in KINDS]
    if not told:
        return
    known = _named({event.subject for event in told})
    for event in told:
        budget = known.get(event.subject)
        if budget is not None and budget.limits.budget is not None:
            spent = Decimal(str(event.details.get("spent", "0")))
            is_refused = event.kind == events.BUDGET_REFUSED
            yield _seen(budget, spent, event.at, is_refused=is_refused)


def of_all(*, with_rows: bool) -> Iterator[Seen]:
    """Yield every budget of which something is known to be spent.

    `with_rows`: also those that nobody has called with since this process started, as far as that is cheap.
    """
    now, asked = time.time(), 0
    for batch in _batches():
        states = _states([budget.limits for budget in batch], with_rows=with_rows and asked < MOST_FROM_ROWS)
        asked += len(batch)
        for budget in batch:
            state = states.get(budget.limits.ledger)
            if state is not None and state.spent > 0:
                yield _seen(budget, state.spent, now)


def is_still_at(subject: str, threshold: int) -> bool:
    """Tell whether so many percent of a budget are still spent: it may have been raised."""
    for batch in _batches():
        for budget in batch:
            if budget.subject == subject:
                state = _states([budget.limits], with_rows=True).get(budget.limits.ledger)
                return state is not None and _percent(budget.limits, state.spent) >= min(threshold, 100)
    return False


def _seen(budget: Budget, spent: Decimal, at: float, *, is_refused: bool = False) -> Seen:
    limits = budget.limits
    percent = _percent(limits, spent)
    period = Calendar(settings.GATEWAY.BUDGET_TIME_ZONE).period(limits.budget_period, at)
    return Seen(
        AlertEvent.BUDGET,
        budget.subject,
        value=max(percent, 100) if is_refused else percent,
        period=f"{period.kind}:{period.start:.0f}",
        valid_until=None if period.end == float("inf") else period.end,
        details={
            "label": budget.label,
            "percent": max(percent, 100) if is_refused else percent,
            "spent": f"{spent.normalize():f}",
            "budget": f"{(limits.budget or Decimal(0)).normalize():f}",
            "currency": currency_of(limits),
            "period": limits.budget_period or "never",
            "is_refused": is_refused,
        },
    )


def _percent(limits: Limits, spent: Decimal) -> int:
    return int(spent * 100 / limits.budget) if limits.budget else 100


def _states(sets: Sequence[Limits], *, with_rows: bool) -> Mapping[str, State]:
    reader = PARTS.get(READER)
    if reader is None:
        return {}
    ask = reader if with_rows else getattr(reader, "known", None)
    found: Sequence[State] = () if ask is None else ask(tuple(sets))
    return {state.limits.ledger: state for state in found}


def _batches() -> Iterator[list[Budget]]:
    """Yield all budgets of groups, then of tokens and of people who signed in, each ledger once."""
    batch: list[Budget] = []
    groups = Group.objects.filter(budget__isnull=False).order_by("pk")[:MOST]
    tokens = Token.objects.filter(budget__isnull=False, revoked_at__isnull=True).order_by("-issued_at")
    known: set[str] = set()
    for row in groups.iterator(chunk_size=BATCH):
        batch.append(_of_group(row))
        if len(batch) == BATCH:
            yield batch
            batch = []
    for token in tokens.select_related("sign_in__user")[:MOST].iterator(chunk_size=BATCH):
        if token.ledger_id not in known and token.expires_at > time.time():
            known.add(token.ledger_id)
            batch.append(_of_token(token))
        if len(batch) == BATCH:
            yield batch
            batch = []
    if batch:
        yield batch


def _named(subjects: set[str]) -> dict[str, Budget]:
    """Map what events call a budget to whose it is: they know groups by name, tokens by their ledger."""
    found: dict[str, Budget] = {}
    names: list[str] = []
    ledgers: list[str] = []
    for subject in subjects:
        kind, _, name = subject.partition(":")
        (names if kind == "group" else ledgers).append(name)
    for start in range(0, len(names), BATCH):
        for row in Group.objects.filter(name__in=names[start : start + BATCH]):
            found[f"group:{row.name}"] = _of_group(row)
    for start in range(0, len(ledgers), BATCH):
        rows = Token.objects.filter(ledger_id__in=ledgers[start : start + BATCH]).order_by("issued_at")
        for token in rows.select_related("sign_in__user"):  # the newest of those that rotation made
            found[f"token:{token.ledger_id}"] = _of_token(token)
    return found


def _of_group(row: Group) -> Budget:
    return Budget(f"group:{row.name}", row.name, limits_of(row, group_ledger(row.pk), row.name))


def _of_token(token: Token) -> Budget:
    limits = limits_of(token, token.ledger_id)
    sign_in = token.sign_in
    if sign_in is not None and sign_in.user is not None:
        address = standing.address_of(sign_in.user)
        return Budget(f"person:{address}", address, limits)
    return Budget(f"token:{token.id}", token.label or token.id, limits)
