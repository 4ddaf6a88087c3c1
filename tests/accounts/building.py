"""Pools, accounts and answers for tests: real ones, with a clock that the test moves."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace

import pytest

from accounts.errors import PoolExhausted
from accounts.pool.lease import Ask
from accounts.pool.pool import Pool, PoolOptions
from accounts.pool.state import AccountState, Loaded, Terms
from providers.drivers.base import Outcome, Scope, Verdict
from providers.upstream import Credential, CredentialKind

MODEL = "claude-opus-4-7"
START = 1_800_000_000.0

OK = Verdict(Outcome.OK)
BARE = Verdict(Outcome.RETRY_OTHER, Scope.MODEL, reason="upstream returned 429")
FAULT = Verdict(Outcome.RETRY_OTHER, Scope.PROVIDER, reason="upstream returned 500")
OWN = Credential(CredentialKind.API_KEY, "sk-own", "own-1")
"""Key of a provider that has no accounts."""
UNAUTHORIZED = Verdict(Outcome.RETRY_OTHER, Scope.ACCOUNT, needs_refresh=True, reason="upstream returned 401")


@dataclass
class Clock:
    now: float = START

    def __call__(self) -> float:
        return self.now


def key_loaded(secret: str) -> Loaded:
    return Loaded(Credential(CredentialKind.API_KEY, secret, secret[:8]))


def memory_pool(
    count: int = 3,
    clock: Clock | None = None,
    options: PoolOptions | None = None,
    terms: Iterable[Terms] = (),
) -> Pool:
    """Build a pool of `count` API-key accounts a0, a1, … at the provider `anthropic`, without jitter."""
    options = replace(options or PoolOptions(), clock=clock or Clock(), jitter=lambda: 0.0)
    pool = Pool(options)
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


def call(pool: Pool, verdict: Verdict = OK, **changes: object) -> str:
    lease = pool.choose(ask(pool.now(), **changes))
    pool.report(lease, verdict)
    lease.release()
    return lease.account


def refused(pool: Pool, **changes: object) -> PoolExhausted:
    with pytest.raises(PoolExhausted) as problem:
        pool.choose(ask(pool.now(), **changes))
    return problem.value


__all__ = [
    "BARE",
    "FAULT",
    "MODEL",
    "OK",
    "OWN",
    "START",
    "UNAUTHORIZED",
    "Clock",
    "ask",
    "call",
    "key_loaded",
    "limit",
    "memory_pool",
    "refused",
]  # fmt: skip
