"""Remember how a provider's accounts stand before faults are rehearsed, and put them back after it."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass, replace

from accounts.pool.breaker import Breaker
from accounts.pool.cooldown import CooldownState
from accounts.pool.outcomes import OutcomeTracker
from accounts.pool.provider_accounts import PoolMembers, ProviderAccounts
from accounts.pool.state import AccountState


@dataclass(frozen=True, slots=True)
class Standing:
    """Hold what traffic had taught about one account."""

    fingerprint: str
    cooldowns: tuple[CooldownState, ...]
    last_error: str
    faults_in_row: int
    fault_strikes: int
    is_out: bool


@dataclass(frozen=True, slots=True)
class Remembered:
    """A provider and its accounts, by id; `breaker` None: nobody had called it yet."""

    provider: str
    accounts: dict[int, Standing]
    breaker: Breaker | None


class Rehearsing:
    """Both over the pool's members; the pool's lock guards them."""

    def __init__(self, members: PoolMembers, outcomes: OutcomeTracker) -> None:
        self._members = members
        self._outcomes = outcomes

    def remember(self, provider: str) -> Remembered:
        """Return how the provider's accounts stand, or its own key."""
        with self._members.lock:
            group = self._group(provider)
            if group is None:
                return Remembered(provider, {}, None)
            return Remembered(
                provider, {state.id: _standing(state) for state in group.members}, group.breaker.copy()
            )

    def put_back(self, before: Remembered, names: Collection[str]) -> None:
        """Put the breaker back, and accounts of these names: what was held against them before holds again.

        An account that came meanwhile, or has another credential now, owes nothing.
        """
        with self._members.lock:
            group = self._group(before.provider)
            if group is None:
                return
            self._outcomes.restore_breaker(group, before.breaker or Breaker())
            for state in group.members:
                if state.name in names:
                    self._restore(state, before.accounts.get(state.id))

    def _restore(self, state: AccountState, known: Standing | None) -> None:
        is_same = known is not None and known.fingerprint == state.fingerprint
        self._outcomes.restore(state, known.cooldowns if known is not None and is_same else ())
        state.last_error = known.last_error if known is not None else ""
        state.faults_in_row = known.faults_in_row if known is not None else 0
        state.fault_strikes = known.fault_strikes if known is not None else 0
        state.is_out = known is not None and known.is_out
        self._members.touched.add(state.id)

    def _group(self, provider: str) -> ProviderAccounts | None:
        return self._members.by_provider.get(provider) or self._members.own_group(provider)


def _standing(state: AccountState) -> Standing:
    return Standing(
        state.fingerprint,
        tuple(replace(each) for each in state.cooldowns.entries.values()),
        state.last_error,
        state.faults_in_row,
        state.fault_strikes,
        state.is_out,
    )
