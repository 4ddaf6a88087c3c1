"""Outcome tracking without choosing: what is kept to be written down, and what others wrote."""

from __future__ import annotations

from accounts.models import Strategy
from accounts.pool.cooldown import CooldownState
from accounts.pool.lease import Lease
from accounts.pool.outcomes import OutcomeTracker
from accounts.pool.provider_accounts import PoolMembers
from accounts.pool.state import AccountState, Terms
from providers.drivers.base import Scope
from tests.accounts.building import FAULT, MODEL, OK, START, Clock, key_loaded, limit


class Tracked:
    """One account and the tracker of what it meets."""

    def __init__(self) -> None:
        self.clock = Clock()
        self.members = PoolMembers(self.clock, Strategy.ROUND_ROBIN)
        self.state = AccountState(1, Terms("a1", "anthropic"), key_loaded("key-1"))
        self.members.install([self.state])
        self.outcomes = OutcomeTracker(self.members, 60.0, lambda: 0.0)
        self.woken = 0
        self.outcomes.tell_unsaved(self.wake)

    def wake(self) -> None:
        self.woken += 1

    def lease(self) -> Lease:
        assert self.state.loaded.credential is not None
        return Lease(self.state, "a1", self.state.loaded.credential, None, MODEL, self.clock.now)


def test_a_cooldown_is_kept_to_be_written_and_so_is_its_end() -> None:
    one = Tracked()
    one.outcomes.report(one.lease(), limit(Scope.MODEL, 60))
    unsaved = one.outcomes.take_unsaved()
    assert [(key, kept and kept.until) for key, kept in unsaved.items()] == [
        ((1, (Scope.MODEL, MODEL)), START + 60)
    ]
    assert one.woken == 1 and not one.outcomes.take_unsaved()
    one.clock.now += 61
    one.outcomes.report(one.lease(), OK)
    assert one.outcomes.take_unsaved() == {(1, (Scope.MODEL, MODEL)): None} and one.woken == 2


def test_what_has_happened_since_outweighs_what_could_not_be_written() -> None:
    one = Tracked()
    one.outcomes.report(one.lease(), limit(Scope.MODEL, 60))
    taken = one.outcomes.take_unsaved()
    one.outcomes.forgive(one.state, was_dead=False)
    one.outcomes.keep_unsaved(taken)
    assert one.outcomes.take_unsaved() == {(1, (Scope.MODEL, MODEL)): None}


def test_an_account_that_is_gone_teaches_nothing() -> None:
    one = Tracked()
    lease = one.lease()
    one.members.install([AccountState(1, one.state.terms, one.state.loaded)])  # the same row, read anew
    one.outcomes.report(lease, limit(Scope.ACCOUNT, 60))
    one.members.install([])
    one.outcomes.report(lease, limit(Scope.ACCOUNT, 60))
    assert not one.outcomes.take_unsaved() and not one.state.cooldowns.entries


def test_a_refused_credential_is_on_cooldown_unless_another_has_come_meanwhile() -> None:
    one = Tracked()
    late = one.lease()
    one.outcomes.refuse(one.lease(), START + 60, "the key was refused")
    [cooldown] = one.state.cooldowns.entries.values()
    assert (cooldown.until, cooldown.reason) == (START + 60, "the key was refused")
    one.outcomes.forgive(one.state, was_dead=False)
    one.state.loaded = key_loaded("a new key")
    one.outcomes.refuse(late, None, "the old key was refused")
    assert not one.state.cooldowns.entries and one.state.last_error == "the old key was refused"


def test_others_cooldowns_are_taken_when_they_last_longer() -> None:
    one = Tracked()
    one.outcomes.report(one.lease(), limit(Scope.MODEL, 60))
    mark = one.state.fingerprint
    for until, expected in ((START + 30, START + 60), (START + 90, START + 90)):
        found = CooldownState(Scope.MODEL, MODEL, START, until, "told by another")
        one.outcomes.adopt(one.state, [(mark, found)])
        assert [kept.until for kept in one.state.cooldowns.entries.values()] == [expected]


def test_the_operators_clear_closes_the_breaker_too() -> None:
    one = Tracked()
    for _ in range(5):
        one.outcomes.report(one.lease(), FAULT)
    one.outcomes.report(one.lease(), limit(Scope.ACCOUNT, 60))
    for _ in range(5):
        one.outcomes.report(one.lease(), FAULT)
    assert one.members.breakers() == {"anthropic": True}
    one.outcomes.clear(one.state, was_dead=False)
    assert one.members.breakers() == {"anthropic": False} and not one.state.cooldowns.entries
