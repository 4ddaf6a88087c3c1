"""Pools, accounts and answers for tests: real ones, with a clock that the test moves."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace

from accounts.core import PoolCore, PoolOptions
from accounts.lease import Ask
from accounts.state import AccountState, Loaded, Terms
from providers.upstream import Credential, CredentialKind

MODEL = "claude-opus-4-7"
START = 1_800_000_000.0


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


__all__ = ["MODEL", "START", "Clock", "ask", "core_pool", "key_loaded"]
