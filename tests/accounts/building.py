"""Pools, accounts and answers for tests: real ones, with a clock that the test moves."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace

import pytest

from accounts.core import PoolCore, PoolOptions
from accounts.errors import PoolExhausted
from accounts.lease import Ask
from accounts.state import AccountState, Loaded, Terms
from providers.drivers.base import Outcome, Scope, Verdict
from providers.upstream import Credential, CredentialKind

MODEL = "claude-opus-4-7"
START = 1_800_000_000.0

OK = Verdict(Outcome.OK)
BARE = Verdict(Outcome.RETRY_OTHER, Scope.MODEL, reason="upstream returned 429")
FAULT = Verdict(Outcome.RETRY_OTHER, Scope.PROVIDER, reason="upstream returned 500")
OWN = Credential(CredentialKind.API_KEY, "sk-own", "own-1")
"""A key of a provider's own, which has no account."""
UNAUTHORIZED = Verdict(Outcome.RETRY_SAME, Scope.ACCOUNT, needs_refresh=True, reason="upstream returned 401")


@dataclass
class Clock:
    now: float = START

    def __call__(self) -> float:
        return self.now


def key_loaded(secret: str) -> Loaded:
    return Loaded(Credential(CredentialKind.API_KEY, secret, secret[:8]))


def core_pool(
    count: int = 3,
    clock: Clock | None = None,
    options: PoolOptions | None = None,
    terms: Iterable[Terms] = (),
) -> PoolCore:
    """A pool of `count` API-key accounts a0, a1, … at the provider `anthropic`, without jitter."""
    options = replace(options or PoolOptions(), clock=clock or Clock(), jitter=lambda: 0.0)
    pool = PoolCore(options)
    each = list(terms) or [Terms(f"a{number}", "anthropic", position=number) for number in range(count)]
    states = [AccountState(number, one, key_loaded(f"key-{number}")) for number, one in enumerate(each)]
    pool.install_states(states)
    return pool


def ask(now: float = START, **changes: object) -> Ask:
    values: dict[str, object] = {
        "provider": "anthropic", "model": MODEL, "session": None, "token_id": "token", "now": now,
    }  # fmt: skip
    return Ask(**{**values, **changes})  # type: ignore[arg-type]


def limit(scope: Scope, seconds: float, now: float = START) -> Verdict:
    return Verdict(Outcome.RETRY_OTHER, scope, now + seconds, reason="upstream returned 429")


def call(pool: PoolCore, verdict: Verdict = OK, **changes: object) -> str:
    lease = pool.choose(ask(pool.now(), **changes))
    pool.report(lease, verdict)
    lease.release()
    return lease.account


def refused(pool: PoolCore, **changes: object) -> PoolExhausted:
    with pytest.raises(PoolExhausted) as problem:
        pool.choose(ask(pool.now(), **changes))
    return problem.value


__all__ = [
    "BARE", "FAULT", "MODEL", "OK", "OWN", "START", "UNAUTHORIZED",
    "Clock", "ask", "call", "core_pool", "key_loaded", "limit", "refused",
]  # fmt: skip
