"""What limits have used, for people and for the management API. The gateway, which has the ledger, gives the reader."""

from __future__ import annotations

from collections.abc import Callable
from decimal import Decimal

from tokens import records
from tokens.limits.ledger import State
from tokens.models import Group, Token
from tokens.records import Limits

Reader = Callable[[tuple[Limits, ...]], tuple[State, ...]]


def _nothing_known(sets: tuple[Limits, ...]) -> tuple[State, ...]:
    return tuple(State(limits) for limits in sets)


_reader: Reader = _nothing_known


def use(reader: Reader) -> None:
    """`reader` gives a state for each set, in order. Called from threads; may ask the database."""
    global _reader
    _reader = reader


def of_token(token: Token) -> dict[str, object]:
    """What the token itself has used, and its groups under `groups`. Times are Unix seconds."""
    own = records.limits_of(token, token.ledger_id)
    states = _reader((own, *_chain(token.group)))
    shared = [{"name": state.limits.name, **shape(state)} for state in states[1:]]
    return {**shape(states[0]), "groups": shared}


def of_group(group: Group) -> dict[str, object]:
    """What all the group's tokens have used together."""
    return shape(_reader(_chain(group)[:1])[0])


def shape(state: State) -> dict[str, object]:
    """`requests` in all; for every limit that is set what is used and when that ends, else null."""
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
    """All its digits, no closing zeros."""
    return f"{amount.normalize():f}"


def _chain(group: Group | None) -> tuple[Limits, ...]:
    """The group's limits, then its parent's."""
    found: list[Limits] = []
    while group is not None:
        found.append(records.limits_of(group, records.group_ledger(group.pk), group.name))
        group = group.parent
    return tuple(found)
