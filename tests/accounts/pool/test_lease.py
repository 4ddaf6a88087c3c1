"""A lease: given back once, silent about secrets."""

from __future__ import annotations

from tests.accounts.building import ask, memory_pool


def test_repr_names_the_account_and_not_the_secret() -> None:
    lease = memory_pool(1).choose(ask())
    assert repr(lease) == "Lease('a0', 'key-0')"
    assert "secret" not in repr(lease.credential)


def test_the_breakers_probe_is_given_back_with_the_lease() -> None:
    pool = memory_pool(1)
    lease = pool.choose(ask())
    assert not lease.is_breaker_probe and lease.is_held
    lease.release()
    assert not lease.is_held
