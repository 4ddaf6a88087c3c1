"""Say why no account can be had, and until when. No IO; `now` (Unix seconds) comes in."""

from __future__ import annotations

from collections.abc import Iterable

from accounts.errors import Exhaustion, PoolExhausted
from accounts.pool.state import AccountState
from providers.drivers.base import UNKNOWN_MODEL

DOWN = "the upstream keeps failing: its circuit breaker keeps calls away for a moment"


def exhausted(
    members: Iterable[AccountState], model: str, now: float, tried: frozenset[str]
) -> PoolExhausted:
    """Return why none of `members` can be had."""
    best: tuple[float, Exhaustion, str] | None = None
    is_tried = False
    for state in members:
        if not state.is_usable:
            continue
        until, reason, words = why_not(state, model, now)
        if reason is None:
            is_tried = is_tried or state.name in tried
        elif best is None or _rank(until, reason) < _rank(best[0], best[1]):
            best = (until, reason, words)
    if is_tried:
        return PoolExhausted(
            None, Exhaustion.TRIED, "every account that could serve this call has been tried"
        )
    if best is None:
        return PoolExhausted(None, Exhaustion.UNUSABLE, "no account of this provider is usable: see `doctor`")
    return PoolExhausted(*best, now)


def _rank(until: float, reason: Exhaustion) -> tuple[bool, float]:
    """Rank by the soonest end; but one account that may know the model outweighs all that don't."""
    return reason is Exhaustion.UNKNOWN_MODEL, until


def why_not(state: AccountState, model: str, now: float) -> tuple[float, Exhaustion | None, str]:
    """Return (until, reason, words) of what keeps a usable account from a call; reason None: nothing does."""
    cooldown = state.cooldowns.closed(model, now)
    quota_until = state.quota_cooldown_until(now)
    if cooldown is not None:
        until = max(cooldown.opens_at(now), quota_until or 0.0)
        if cooldown.reason == UNKNOWN_MODEL:
            return until, Exhaustion.UNKNOWN_MODEL, "the upstream has no such model"
        return until, Exhaustion.COOLING, f"every account is on cooldown ({cooldown.reason})"
    if quota_until is not None:
        return (
            quota_until,
            Exhaustion.CAPPED,
            "every account has reached the share of its quota that it may use",
        )
    room_at = state.room_at(now)
    if room_at is not None:
        return max(room_at, now + 1.0), Exhaustion.CAPPED, "every account has reached its request cap"
    return now, None, ""
