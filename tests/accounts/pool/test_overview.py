"""`/v1/accounts`: the reference's keys and values, ours beside them, paths for admins only."""

from __future__ import annotations

from typing import Any

import pytest

from accounts.pool.exhaustion import DOWN
from accounts.pool.overview import accounts_view, provider_status
from accounts.pool.state import Loaded, Terms
from providers.catalog.live import ProviderStatus
from providers.drivers.base import Outcome, QuotaWindow, Scope, Verdict
from tests.accounts.building import FAULT, MODEL, OWN, START, Clock, ask, call, limit, memory_pool

REFERENCE_KEYS = ["cooldown_remaining_seconds", "healthy", "home", "last_error", "name", "used"]
HOMES = [
    Terms(f"a{n}", "anthropic", source="directory", location=f"/srv/acc{n}", position=n) for n in range(3)
]


def only_reference(view: dict[str, Any]) -> list[dict[str, Any]]:
    return [{key: account[key] for key in REFERENCE_KEYS} for account in view["accounts"]]


def test_fresh_accounts_look_as_the_reference_shows_them() -> None:
    view = accounts_view(memory_pool(terms=HOMES), include_paths=True)
    assert only_reference(view) == [
        {"cooldown_remaining_seconds": None, "healthy": True, "home": f"/srv/acc{n}", "last_error": None,
         "name": f"a{n}", "used": 0}
        for n in range(3)
    ]  # fmt: skip
    assert all(list(account) == sorted(account) for account in view["accounts"])


def test_right_after_a_429() -> None:
    clock = Clock()
    pool = memory_pool(clock=clock, terms=HOMES)
    lease = pool.choose(ask(pinned="a1"))
    windows = (QuotaWindow("5h", "rejected", 1.0, START + 60),)
    pool.report(
        lease,
        Verdict(
            Outcome.RETRY_OTHER, Scope.ACCOUNT, START + 60, reason="upstream returned 429", windows=windows
        ),
    )
    clock.now += 0.5
    account = accounts_view(pool, include_paths=True)["accounts"][1]
    assert {key: account[key] for key in REFERENCE_KEYS} == {
        "cooldown_remaining_seconds": 59, "healthy": False, "home": "/srv/acc1",
        "last_error": "upstream returned 429", "name": "a1", "used": 1,
    }  # fmt: skip
    assert account["state"] == "cooling"
    assert (
        account["cooldowns"][0]["scope"] == "account" and account["cooldowns"][0]["remaining_seconds"] == 59
    )
    assert account["quota"] == [
        {"name": "5h", "resets_at": START + 60, "status": "rejected", "used_percent": 100.0}
    ]


def test_an_account_is_not_healthy_while_a_cooldown_of_a_model_runs() -> None:
    pool = memory_pool(terms=HOMES)
    lease = pool.choose(ask(pinned="a0"))
    pool.report(lease, Verdict(Outcome.RETRY_OTHER, Scope.MODEL, START + 60, reason="r"))
    account = accounts_view(pool, include_paths=True)["accounts"][0]
    assert (account["healthy"], account["cooldown_remaining_seconds"], account["state"]) == (
        False,
        60,
        "partly-cooling",
    )


def test_nobody_but_an_admin_sees_paths() -> None:
    pool = memory_pool(terms=HOMES)
    for state in pool.states():
        state.loaded = Loaded(problem=f"No credential files found in {state.terms.location}")
        state.last_error = state.loaded.problem
    shown = accounts_view(pool, include_paths=False)
    assert "/srv" not in repr(shown)
    assert shown["accounts"][0]["last_error"] == "No credential files found in <home>"
    assert "/srv/acc0" in repr(accounts_view(pool, include_paths=True))


@pytest.mark.parametrize(
    ("change", "word"),
    [
        ({"is_paused": True}, "paused"),
        ({"is_absent": True}, "absent"),
    ],
)
def test_states_of_the_operators_making(change: dict[str, bool], word: str) -> None:
    pool = memory_pool(terms=[Terms("a0", "anthropic", **change)])  # type: ignore[arg-type]
    account = accounts_view(pool, include_paths=True)["accounts"][0]
    assert (account["state"], account["healthy"]) == (word, False)


def test_what_keeps_calls_from_a_provider() -> None:
    clock = Clock()
    pool = memory_pool(3, clock)
    assert provider_status(pool, "anthropic") is provider_status(pool, "other") is None
    call(pool, limit(Scope.ACCOUNT, 60))
    call(pool, limit(Scope.MODEL, 60), provider="other", own=OWN)
    assert provider_status(pool, "anthropic") is None  # an account's cooldown is shown with the account
    partly = ProviderStatus("partly-cooling", START + 60, f"model {MODEL}: upstream returned 429")
    assert provider_status(pool, "other") == partly
    call(pool, limit(Scope.ACCOUNT, 60), provider="other", own=OWN, model="another")
    assert provider_status(pool, "other") == ProviderStatus("cooling", START + 60, "upstream returned 429")
    for _ in range(5):
        call(pool, FAULT)
    assert provider_status(pool, "anthropic") == ProviderStatus("down", START + 10, DOWN)
    clock.now += 60
    assert provider_status(pool, "anthropic") is provider_status(pool, "other") is None
    probe = pool.choose(ask(clock.now, provider="other", own=OWN))
    half_open = provider_status(pool, "other")
    assert half_open is not None and half_open.until == clock.now + 60  # when the probe is given up
    probe.release()
    assert provider_status(pool, "other") is None
