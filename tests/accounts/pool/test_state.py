"""One account's terms, secret and counters."""

from __future__ import annotations

import pytest

from accounts.pool.state import AccountState, Loaded, Terms
from providers.drivers.base import QuotaWindow
from providers.upstream import Credential, CredentialKind
from tests.accounts.building import START, key_loaded


def pair(expires_in: float | None, life: float | None = None, has_refresh: bool = True) -> Loaded:
    expires_at = None if expires_in is None else START + expires_in
    return Loaded(Credential(CredentialKind.OAUTH, "t", "f", expires_at), has_refresh, life)


@pytest.mark.parametrize(
    ("loaded", "is_due"),
    [
        (pair(301), False),
        (pair(300), True),
        (pair(-5), True),
        (pair(200, life=1000), False),
        (pair(100, life=1000), True),
        (pair(300, life=28800), True),
        (pair(301, life=28800), False),
        (pair(-5, has_refresh=False), False),
        (pair(None), False),
        (Loaded(), False),
    ],
)
def test_pairs_are_due_five_minutes_or_a_tenth_of_their_life_before_the_end(
    loaded: Loaded, is_due: bool
) -> None:
    assert loaded.is_due(START) == is_due


def test_counters_of_caps_that_did_not_change_go_on() -> None:
    state = AccountState(1, Terms("a", "p", request_caps=((1, 60.0),)), key_loaded("k"))
    state.caps[0].add(START)
    assert state.room_at(START) is not None
    state.accept_terms(Terms("a", "p", request_caps=((1, 60.0),), weight=5))
    assert state.room_at(START) is not None and state.weight == 5
    state.accept_terms(Terms("a", "p", request_caps=((2, 60.0),)))
    assert state.room_at(START) is None


def test_a_dead_login_is_dead_only_with_the_credential_that_died() -> None:
    state = AccountState(1, Terms("a", "p"), key_loaded("k"))
    state.needs_login, state.dead_fingerprint = True, state.fingerprint
    assert not state.is_usable
    state.loaded = key_loaded("another")
    assert state.is_usable


def test_the_pause_lasts_until_the_last_full_window_ends() -> None:
    state = AccountState(1, Terms("a", "p", pause_at_percent=80), key_loaded("k"))
    state.windows = {
        "5h": QuotaWindow("5h", "allowed", 0.8, START + 10),
        "7d": QuotaWindow("7d", "allowed", 0.95, START + 99),
        "x": QuotaWindow("x", "allowed", 0.79, START + 500),
        "y": QuotaWindow("y", "allowed", None, START + 500),
    }
    assert state.quota_cooldown_until(START) == START + 99
    assert state.quota_cooldown_until(START + 100) is None
