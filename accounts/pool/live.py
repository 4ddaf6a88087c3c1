"""Give the pool that this process serves with to those who show or test accounts."""

from __future__ import annotations

from accounts.pool.overview import provider_status
from accounts.pool.pool import Pool, options_from_settings
from gateway.kernel.parts import PARTS, Key
from providers.catalog.live import ProviderStatus

POOL: Key[Pool] = Key("pool")
"""The pool that the runtime serves with."""


def serving() -> Pool | None:
    """Return the serving pool; None in a process that serves nothing."""
    return PARTS.get(POOL)


def pool_to_show() -> Pool:
    """Return the serving pool; in a process that serves nothing, one read from rows and files just now."""
    if (pool := serving()) is not None:
        return pool
    pool = Pool(options_from_settings())
    pool.load()
    return pool


def has_credentials(provider: str) -> bool:
    """Tell whether some account of the provider holds a credential."""
    return pool_to_show().has_credentials(provider)


def status_of(provider: str) -> ProviderStatus | None:
    """Return what keeps calls from the provider; None in a process that serves nothing."""
    pool = serving()
    return None if pool is None else provider_status(pool, provider)
