"""Choosing without anything that learns or reads rows: what a lease takes and gives back."""

from __future__ import annotations

from accounts.models import Strategy
from accounts.pool.choosing import Choosing
from accounts.pool.cooldown import CooldownState
from accounts.pool.provider_accounts import PoolMembers
from accounts.pool.sessions import StickySessions
from accounts.pool.state import AccountState, Terms
from providers.drivers.base import Scope
from tests.accounts.building import MODEL, OWN, START, Clock, ask, key_loaded


def choosing(count: int = 2) -> tuple[Choosing, PoolMembers]:
    members = PoolMembers(Clock(), Strategy.ROUND_ROBIN)
    members.install(
        AccountState(number, Terms(f"a{number}", "anthropic", position=number), key_loaded(f"key-{number}"))
        for number in range(count)
    )
    return Choosing(members, StickySessions(3600.0, 100)), members


def test_a_lease_counts_while_it_is_held_and_its_use_is_to_be_written_down() -> None:
    one, members = choosing(1)
    lease = one.choose(ask())
    state = members.by_id[0]
    assert (state.in_flight, state.used, state.unsaved_used, members.touched) == (1, 1, 1, {0})
    lease.release()
    one.release(lease)
    assert (state.in_flight, state.used) == (0, 1)


def test_a_probe_is_open_to_one_call_until_its_lease_is_back() -> None:
    one, members = choosing(1)
    over = CooldownState(Scope.ACCOUNT, "", START - 60, START - 1, "full")
    members.by_id[0].cooldowns.start(over)
    lease = one.choose(ask())
    assert lease.probes == (over,) and over.probe_until > START
    lease.release()
    assert over.probe_until == 0.0


def test_conversations_are_bound_here_and_moved_by_others() -> None:
    one, _ = choosing()
    told: list[int] = []
    one.tell_sessions(lambda move: told.append(move.account))
    wanted = ask(session="s")
    assert one.lacks_session(wanted)
    first = one.choose(wanted)
    assert told == [first.state.id] and not one.lacks_session(wanted)
    one.adopt_sessions(wanted, 1 - first.state.id, None)
    assert one.choose(wanted).account != first.account


def test_an_own_key_is_lent_where_a_provider_has_no_accounts() -> None:
    one, members = choosing(1)
    assert one.choose(ask(provider="other", own=OWN)).credential == OWN
    assert one.choose(ask(own=OWN)).account == "a0"
    assert list(members.own_keys()) == ["other"] and not one.has_accounts("other")


def test_when_the_next_account_is_free() -> None:
    one, members = choosing()
    lease = one.choose(ask())
    assert one.soonest(lease, None, START) == START
    for state in members.states():
        state.cooldowns.start(CooldownState(Scope.MODEL, MODEL, START, START + 9, "full"))
    assert one.soonest(lease, None, START) == START + 9
    assert one.soonest(lease, "nobody", START) is None
