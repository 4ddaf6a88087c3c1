"""The pool that this process serves with, for those who show or test accounts."""

from __future__ import annotations

from accounts.overview import provider_condition
from accounts.pool import Pool, options_from_settings
from providers.live import Condition

_serving: list[Pool] = []


def use(pool: Pool) -> None:
    """The runtime says which pool it serves with."""
    _serving[:] = [pool]


def forget(pool: Pool) -> None:
    """The runtime has closed."""
    if pool in _serving:
        _serving.remove(pool)


def serving() -> Pool | None:
    """None in a process that serves nothing."""
    return _serving[0] if _serving else None


def pool_to_show() -> Pool:
    """The serving pool; in a process that serves nothing, one read from rows and files for this occasion."""
    if _serving:
        return _serving[0]
    pool = Pool(options_from_settings())
    pool.load()
    return pool


def has_credentials(provider: str) -> bool:
    """Whether some account of the provider holds a credential."""
    return pool_to_show().has_credentials(provider)


def condition(provider: str) -> Condition | None:
    """What keeps calls from the provider; None in a process that serves nothing."""
    return provider_condition(_serving[0], provider) if _serving else None
