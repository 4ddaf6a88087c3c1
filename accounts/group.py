"""The accounts of one provider, and who of them is ready. No IO; `now` comes in."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence

from accounts.breaker import Breaker
from accounts.cooldown import model_family
from accounts.errors import Exhaustion, PoolExhausted
from accounts.models import Strategy
from accounts.selection import ByPriority, ByTurn, Roster, RoundRobin, Wheel
from accounts.state import AccountState
from providers.drivers.base import UNKNOWN_MODEL, Scope

SET_BACK_SECONDS = 1.0  # a clock that goes back further makes rosters old
MAX_REFUSALS = 64  # models are named by clients
Accept = Callable[[AccountState], bool]
Rosters = tuple[Roster[AccountState], ...]


class Group:
    """Members in the operator's order. Rosters are cached until something on an account changes."""

    def __init__(self, provider: str, members: Sequence[AccountState], strategy: str) -> None:
        self.provider = provider
        self.members = sorted(members, key=lambda state: (state.terms.position, state.id))
        self.by_id = {state.id: state for state in members}
        self.by_name = {state.name: state for state in members}
        self.breaker = Breaker()
        self._strategy = strategy
        self._wheel = Wheel()
        self._veterans: frozenset[int] = frozenset()
        self._base: Rosters = ()
        self._by_model: dict[str, Rosters] = {}
        self._scoped: set[tuple[Scope, str]] = set()
        self._built_at = self._wake_at = 0.0
        self._refusals: dict[str, PoolExhausted] = {}
        self._is_dirty = True
        for order, state in enumerate(self.members):
            state.order = order
            state.stride = 1.0 / max(1, state.weight) if strategy == Strategy.WEIGHTED else 1.0

    def inherit(self, earlier: Group) -> None:
        """Goes on where an earlier version of this group stood."""
        self.breaker = earlier.breaker
        self._wheel = earlier._wheel
        known = {state.id for state in earlier.members}
        self._veterans = frozenset(state.order for state in self.members if state.id in known)

    @property
    def has_choice(self) -> bool:
        """Whether two of them can serve, or could: conversations may sit on one that is logged out for a moment."""
        able = 0
        for state in self.members:
            able += state.loaded.credential is not None or state.used + state.used_before > 0
            if able > 1:
                return True
        return False

    def touch(self) -> None:
        """Something on an account changed: rosters are built anew at the next call."""
        self._is_dirty = True

    def pick(self, model: str, now: float, accept: Accept) -> AccountState | None:
        """An account by the strategy, those near a limit last."""
        for roster in self._rosters(model, now):
            found = roster.pick(accept)
            if found is not None:
                return found
        return None

    def _rosters(self, model: str, now: float) -> Rosters:
        if self._is_dirty or not self._built_at - SET_BACK_SECONDS <= now < self._wake_at:
            self._rebuild(now)
        if not self._scoped:
            return self._base
        if (Scope.MODEL, model) not in self._scoped and (
            Scope.FAMILY,
            model_family(model),
        ) not in self._scoped:
            return self._base
        rosters = self._by_model.get(model)
        if rosters is None:
            ready = [
                state
                for roster in self._base
                for state in roster.members
                if not state.rests.closed(model, now)
            ]
            rosters = self._by_model[model] = self._arrange(ready, now)
        return rosters

    def _rebuild(self, now: float) -> None:
        self._is_dirty = False
        self._built_at = now
        self._by_model = {}
        self._refusals = {}
        self._scoped = set()
        wake_at = now + 3600.0
        ready = []
        for state in self.members:
            if not state.is_usable:
                continue
            if state.rests.entries:
                for rest in state.rests.entries.values():
                    if rest.scope is not Scope.ACCOUNT:
                        self._scoped.add(rest.key)
                    wake_at = min(wake_at, rest.changes_at(now))
            if state.warned_until > now:
                wake_at = min(wake_at, state.warned_until)
            quota_until = state.rests_for_quota_until(now)
            if quota_until is not None:
                wake_at = min(wake_at, quota_until)
                continue
            rest_on_account = state.rests.on_account()
            if rest_on_account is None or not rest_on_account.is_closed(now):
                ready.append(state)
        self._wake_at = wake_at
        self._base = self._arrange(ready, now)
        self._veterans |= frozenset(state.order for state in ready)

    def _arrange(self, ready: Iterable[AccountState], now: float) -> Rosters:
        calm: list[AccountState] = []
        warned: list[AccountState] = []
        for state in sorted(ready, key=lambda state: state.order):
            (warned if state.warned_until > now else calm).append(state)
        return tuple(self._roster(members) for members in (calm, warned) if members)

    def _roster(self, members: Sequence[AccountState]) -> Roster[AccountState]:
        if self._strategy == Strategy.PRIORITY:
            return ByPriority(members)
        if self._strategy in (Strategy.LEAST_USED, Strategy.WEIGHTED):
            return ByTurn(members, self._veterans)
        return RoundRobin(members, self._wheel)

    def exhausted(self, model: str, now: float, tried: frozenset[str]) -> PoolExhausted:
        """Why no member can be had, told by the one that ends soonest. Remembered while all rest."""
        known = self._refusals.get(model)
        if known is not None and known.until is not None and not tried:
            return PoolExhausted(known.until, known.reason, str(known), now)
        found = exhausted(self.members, model, now, tried)
        if found.reason is Exhaustion.COOLING and len(self._refusals) < MAX_REFUSALS:
            self._refusals[model] = found
        return found


def exhausted(
    members: Iterable[AccountState], model: str, now: float, tried: frozenset[str]
) -> PoolExhausted:
    """Why none of `members` can be had."""
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
    """The soonest end; but one account that may know the model outweighs all that don't."""
    return reason is Exhaustion.UNKNOWN_MODEL, until


def why_not(state: AccountState, model: str, now: float) -> tuple[float, Exhaustion | None, str]:
    """(until, reason, words) of what keeps a usable account from a call; reason None when nothing does."""
    rest = state.rests.closed(model, now)
    quota_until = state.rests_for_quota_until(now)
    if rest is not None:
        until = max(rest.opens_at(now), quota_until or 0.0)
        if rest.reason == UNKNOWN_MODEL:
            return until, Exhaustion.UNKNOWN_MODEL, "the upstream has no such model"
        return until, Exhaustion.COOLING, f"every account is resting ({rest.reason})"
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
