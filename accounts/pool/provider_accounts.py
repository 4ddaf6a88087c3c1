"""The accounts of each provider, and those of them that are ready. No IO; `now` (Unix seconds) comes in."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterable, Sequence

from accounts.errors import Exhaustion, PoolExhausted
from accounts.models import Strategy
from accounts.pool.breaker import Breaker
from accounts.pool.cooldown import model_family
from accounts.pool.exhaustion import exhausted
from accounts.pool.state import OWN_KEY, AccountState, Loaded, Terms
from accounts.pool.strategies import ByPriority, ByTurn, Roster, RoundRobin, RoundRobinState
from providers.drivers.base import Scope
from providers.upstream import Credential

SET_BACK_SECONDS = 1.0  # a clock that goes back further makes rosters old
MAX_REFUSALS = 64  # models are named by clients
Accept = Callable[[AccountState], bool]
Rosters = tuple[Roster[AccountState], ...]


class ProviderAccounts:
    """Members of one provider in the operator's order.

    Rosters are cached until something on an account changes.
    """

    def __init__(self, provider: str, members: Sequence[AccountState], strategy: str) -> None:
        self.provider = provider
        self.members = sorted(members, key=lambda state: (state.terms.position, state.id))
        self.by_id = {state.id: state for state in members}
        self.by_name = {state.name: state for state in members}
        self.breaker = Breaker()
        self._strategy = strategy
        self._round_robin = RoundRobinState()
        self._known: frozenset[int] = frozenset()
        self._base: Rosters = ()
        self._by_model: dict[str, Rosters] = {}
        self._scoped: set[tuple[Scope, str]] = set()
        self._built_at = self._wake_at = 0.0
        self._refusals: dict[str, PoolExhausted] = {}
        self._is_dirty = True
        for order, state in enumerate(self.members):
            state.order = order
            state.stride = 1.0 / max(1, state.weight) if strategy == Strategy.WEIGHTED else 1.0

    def inherit(self, earlier: ProviderAccounts) -> None:
        """Continue where an earlier version of this group stood."""
        self.breaker = earlier.breaker
        self._round_robin = earlier._round_robin
        known = {state.id for state in earlier.members}
        self._known = frozenset(state.order for state in self.members if state.id in known)

    def touch(self) -> None:
        """Note that something on an account changed: rosters are built anew at the next call."""
        self._is_dirty = True

    def pick(self, model: str, now: float, accept: Accept) -> AccountState | None:
        """Pick an account by the strategy, those near a limit last."""
        for roster in self._rosters(model, now):
            members = roster.members
            if len(members) == 1:
                found = members[0] if accept(members[0]) else None
            else:
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
                if not state.cooldowns.closed(model, now)
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
            if state.cooldowns.entries:
                for cooldown in state.cooldowns.entries.values():
                    if cooldown.scope is not Scope.ACCOUNT:
                        self._scoped.add(cooldown.key)
                    wake_at = min(wake_at, cooldown.changes_at(now))
            if state.warned_until > now:
                wake_at = min(wake_at, state.warned_until)
            quota_until = state.quota_cooldown_until(now)
            if quota_until is not None:
                wake_at = min(wake_at, quota_until)
                continue
            account_cooldown = state.cooldowns.on_account()
            if account_cooldown is None or not account_cooldown.is_closed(now):
                ready.append(state)
        self._wake_at = wake_at
        self._base = self._arrange(ready, now)
        self._known |= frozenset(state.order for state in ready)

    def _arrange(self, ready: Iterable[AccountState], now: float) -> Rosters:
        preferred: list[AccountState] = []
        near_limit: list[AccountState] = []
        for state in sorted(ready, key=lambda state: state.order):
            (near_limit if state.warned_until > now else preferred).append(state)
        return tuple(self._roster(members) for members in (preferred, near_limit) if members)

    def _roster(self, members: Sequence[AccountState]) -> Roster[AccountState]:
        if self._strategy == Strategy.PRIORITY:
            return ByPriority(members)
        if self._strategy in (Strategy.LEAST_USED, Strategy.WEIGHTED):
            return ByTurn(members, self._known)
        return RoundRobin(members, self._round_robin)

    def exhausted(self, model: str, now: float, tried: frozenset[str]) -> PoolExhausted:
        """Return why no member can be had, by the reason that ends soonest.

        Remembered while all are on cooldown.
        """
        known = self._refusals.get(model)
        if known is not None and known.until is not None and not tried:
            return PoolExhausted(known.until, known.reason, str(known), now)
        found = exhausted(self.members, model, now, tried)
        if found.reason is Exhaustion.COOLING and len(self._refusals) < MAX_REFUSALS:
            self._refusals[model] = found
        return found


class PoolMembers:
    """All accounts of this process, in groups by provider, and the own keys of providers without accounts.

    What every part of the pool works on. `lock` guards it and the states in it: the data plane's loop, freshness
    and the pool's maintenance meet here. The tables are replaced, never changed in place.
    """

    def __init__(self, clock: Callable[[], float], strategy: str) -> None:
        self.lock = threading.RLock()
        self.now = clock
        self.by_id: dict[int, AccountState] = {}
        self.by_provider: dict[str, ProviderAccounts] = {}
        self.touched: set[int] = set()
        """Accounts whose counters, errors or windows are to be written down."""
        self._own_keys: dict[str, ProviderAccounts] = {}
        self._strategy = self._usual_strategy = strategy

    def install(self, states: Iterable[AccountState], strategy: str = "") -> None:
        """Replace all accounts by these; without a strategy the usual one holds."""
        with self.lock:
            self._strategy = strategy or self._usual_strategy
            self.by_id = {state.id: state for state in states}
            by_provider: dict[str, list[AccountState]] = {}
            for state in self.by_id.values():
                if not state.terms.is_absent:
                    by_provider.setdefault(state.terms.provider, []).append(state)
            groups = {
                name: ProviderAccounts(name, members, self._strategy) for name, members in by_provider.items()
            }
            for name, group in groups.items():
                if name in self.by_provider:
                    group.inherit(self.by_provider[name])
            self.by_provider = groups

    def states(self) -> list[AccountState]:
        """Return every account in the operator's order, absent ones too. To be read, not changed."""
        with self.lock:
            return sorted(self.by_id.values(), key=lambda state: (state.terms.position, state.id))

    def take_touched(self) -> list[AccountState]:
        """Return the accounts of which something is to be written down, and remember them no longer."""
        with self.lock:
            touched, self.touched = self.touched, set()
            return [self.by_id[account] for account in touched if account in self.by_id]

    def group_of(self, state: AccountState) -> ProviderAccounts | None:
        """Return the group that the account is in now; None when it is gone."""
        groups = self._own_keys if state.id == OWN_KEY else self.by_provider
        return groups.get(state.terms.provider)

    def has_credentials(self, provider: str) -> bool:
        """Tell whether some account of the provider holds a credential, be it paused or on cooldown."""
        group = self.by_provider.get(provider)
        for state in () if group is None else group.members:  # noqa: SIM110 - a generator costs more, and this is asked for every call
            if state.loaded.credential is not None:
                return True
        return False

    def breakers(self) -> dict[str, bool]:
        """Map each provider to whether its circuit breaker keeps calls away."""
        now = self.now()
        serving = {**self._own_keys, **self.by_provider}
        return {name: group.breaker.is_shut_to_calls(now) for name, group in serving.items()}

    def failing(self) -> frozenset[str]:
        """Return the providers whose circuit breaker has opened, and has seen no call succeed since."""
        serving = {**self._own_keys, **self.by_provider}
        return frozenset(name for name, group in serving.items() if group.breaker.strikes)

    def shut_until(self, provider: str) -> float | None:
        """Return when the provider's circuit breaker lets a call through again; None = it does now."""
        with self.lock:
            group = self.by_provider.get(provider) or self._own_keys.get(provider)
            return None if group is None else group.breaker.shut_until(self.now())

    def own_keys(self) -> dict[str, AccountState]:
        """Map each provider to the state of its own key, where that key has been used.

        To be read, not changed.
        """
        with self.lock:
            keyed = self._own_keys.items()
            return {name: group.members[0] for name, group in keyed if name not in self.by_provider}

    def own_key(self, provider: str, own: Credential, address: str) -> ProviderAccounts:
        """Return the group of one that stands for a provider's own key at an address.

        So cooldowns and the breaker hold for it, too; a new key, or another place, owes nothing.
        """
        group = self._own_keys.get(provider)
        if group is not None:
            state = group.members[0]
            if (state.loaded.credential, state.terms.location) == (own, address):
                return group
        terms = Terms("", provider, source="provider", location=address)
        group = ProviderAccounts(provider, [AccountState(OWN_KEY, terms, Loaded(own))], self._strategy)
        self._own_keys = {**self._own_keys, provider: group}
        return group

    def own_group(self, provider: str) -> ProviderAccounts | None:
        """Return the group of a provider's own key, where it has been used."""
        return self._own_keys.get(provider)

    def forget_own_key(self, provider: str) -> None:
        """Drop what is held against a provider's own key. Calls on their way report to a state that is gone."""
        with self.lock:
            self._own_keys = {name: one for name, one in self._own_keys.items() if name != provider}
