"""Encode the ledger's figures for Redis and decode them: keys, milliseconds, money in two parts."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from decimal import ROUND_UP, Decimal
from typing import Any

import msgspec

from tokens.errors import LimitExceeded
from tokens.limits import scripts
from tokens.limits.ledger import Amount, State
from tokens.records import Limits

PREFIX = "router:{limits}:"  # one slot of a cluster
LEASES = PREFIX + "leases"
UNIT = Decimal("1e-10")
WHOLE = 100_000  # 1e-10 units in one 1e-5
MOST = 2**53


def milliseconds(seconds: float) -> int:
    return int(seconds * 1000)


def book_key(ledger: str) -> str:
    return f"{PREFIX}book:{ledger}"


def lease_key(call_id: str) -> str:
    return f"{PREFIX}lease:{call_id}"


def parts_of(amount: Decimal) -> tuple[int, int]:
    """Split money into whole 1e-5 and the remainder in 1e-10; what is finer is rounded up."""
    units = int((amount / UNIT).to_integral_value(ROUND_UP))
    return divmod(units, WHOLE)


def amount_of(high: int, low: int) -> Decimal:
    return (high * WHOLE + low) * UNIT


def limits_of(limits: Limits) -> list[int]:
    found = (
        *(limits.max_requests, limits.requests_per_minute, limits.input_tokens_per_minute),
        *(limits.output_tokens_per_minute, limits.max_parallel_requests),
    )
    budget = (-1, 0) if limits.budget is None else parts_of(limits.budget)
    return [-1 if limit is None else limit for limit in found] + list(budget)


packed: Callable[[object], bytes] = msgspec.msgpack.Encoder().encode
"""Encode what a script is asked."""
unpacked: Callable[[bytes], Any] = msgspec.msgpack.Decoder().decode
"""Decode what it told."""
_to_json = msgspec.json.Encoder().encode


def text(value: object) -> str:
    """Encode what a lease keeps as JSON."""
    try:
        return _to_json(value).decode()
    except UnicodeEncodeError:  # half a character: escaped, as it came
        return json.dumps(value)


def figures(amount: Amount) -> tuple[int, int, int, int]:
    """Return input, output, cost in two parts; at most what Lua counts exactly, far above every limit."""
    high, low = parts_of(amount.cost)
    return (min(amount.input_tokens, MOST), min(amount.output_tokens, MOST), min(high, MOST), low)


def ending(now: float, call_id: str, how: str, actual: Amount) -> bytes:
    """Encode what `SETTLE` is asked. `how`: `settle` or `back`."""
    return packed((milliseconds(now), call_id, how, *figures(actual)))


def state_of(limits: Limits, values: list[int]) -> State:
    last, end = values[9], values[11]
    return State(
        limits=limits,
        requests=values[0],
        minute_requests=values[1],
        minute_input=values[2],
        minute_output=values[3],
        parallel=values[4],
        spent=amount_of(values[5], values[6]),
        reserved=amount_of(values[7], values[8]),
        window_resets_at=None if last == 0 else (last + scripts.WINDOW_MS) / 1000,
        period_ends_at=None if end < 0 or limits.budget is None else end / 1000,
    )


def refusal_of(sets: tuple[Limits, ...], told: list[Any], states: tuple[State, ...]) -> LimitExceeded:
    _, index, name, wait, final = told
    refusal = LimitExceeded(
        name,
        sets[index],
        None if wait < 0 else wait / 1000,
        is_final=bool(final),
        resets_at=states[index].period_ends_at if name == "budget" else None,
    )
    refusal.states = states
    return refusal


def seen_of(lease: Mapping[bytes, bytes], note: Mapping[str, Any]) -> Amount:
    """Return what was last told of the call; of a lease that was never renewed, its note's first figures."""
    raw = lease.get(b"seen")
    told = note.get("seen", (0, 0, "0")) if raw is None else json.loads(raw)
    return Amount(told[0], told[1], Decimal(told[2]))
