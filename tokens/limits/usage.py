"""Usage of limits, for people and the management API. The gateway, which has the ledger, gives the reader."""

from __future__ import annotations

from collections.abc import Callable
from decimal import Decimal

from gateway.kernel.parts import PARTS, Key
from tokens import records
from tokens.limits.ledger import State
from tokens.models import Group, Token
from tokens.records import Limits

Reader = Callable[[tuple[Limits, ...]], tuple[State, ...]]


def _nothing_known(sets: tuple[Limits, ...]) -> tuple[State, ...]:
    return tuple(State(limits) for limits in sets)


READER: Key[Reader] = Key("reader of limits")
"""Gives a state for each set, in order. Called from threads; may ask the database."""


def states(sets: tuple[Limits, ...]) -> tuple[State, ...]:
    """Return a state for each set of limits, in order."""
    return (PARTS.get(READER) or _nothing_known)(sets)


def of_limits(limits: Limits) -> dict[str, object]:
    """Return what one set of limits has used."""
    return shape(states((limits,))[0])


def of_token(token: Token) -> dict[str, object]:
    """Return what the token itself has used, and its groups under `groups`. Times are Unix seconds."""
    own = records.limits_of(token, token.ledger_id)
    found = states((own, *_chain(token.group)))
    shared = [{"name": state.limits.name, **shape(state)} for state in found[1:]]
    return {**shape(found[0]), "groups": shared}


def of_group(group: Group) -> dict[str, object]:
    """Return what all the group's tokens have used together."""
    return shape(states(_chain(group)[:1])[0])


def shape(state: State) -> dict[str, object]:
    """Shape a state for JSON.

    `requests` in all; for every limit that is set what is used and when that ends, else null.
    """
    limits = state.limits
    budget: dict[str, object] | None = None
    if limits.budget is not None:
        budget = {
            "spent": _money(state.spent),
            "reserved": _money(state.reserved),
            "remaining": _money(state.remaining or Decimal(0)),
            "resets_at": None if state.period_ends_at is None else int(state.period_ends_at),
            "is_warning": state.is_warning,
        }
    return {
        "requests": state.requests,
        "requests_per_minute": _window(limits.requests_per_minute, state.minute_requests, state),
        "input_tokens_per_minute": _window(limits.input_tokens_per_minute, state.minute_input, state),
        "output_tokens_per_minute": _window(limits.output_tokens_per_minute, state.minute_output, state),
        "max_parallel_requests": None
        if limits.max_parallel_requests is None
        else {"used": state.parallel, "resets_at": None},
        "budget": budget,
    }


def _window(limit: int | None, used: int, state: State) -> dict[str, object] | None:
    if limit is None:
        return None
    resets_at = None if state.window_resets_at is None else int(state.window_resets_at + 0.999)
    return {"used": used, "resets_at": resets_at}


def _money(amount: Decimal) -> str:
    """Format an amount with all its digits and no closing zeros."""
    return f"{amount.normalize():f}"


def _chain(group: Group | None) -> tuple[Limits, ...]:
    """Return the group's limits, then its parent's."""
    found: list[Limits] = []
    while group is not None:
        found.append(records.limits_of(group, records.group_ledger(group.pk), group.name))
        group = group.parent
    return tuple(found)
