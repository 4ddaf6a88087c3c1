"""Rows that traffic writes: on SQLite here; the same statements run on PostgreSQL."""

from __future__ import annotations

import pytest

from accounts import services
from accounts.models import Account, Cooldown
from accounts.pool import store
from accounts.pool.cooldown import CooldownState
from providers.drivers.base import QuotaWindow, Scope
from tests.principals import SOMEBODY

pytestmark = pytest.mark.django_db(transaction=True)
NOW = 1_800_000_000.0


@pytest.fixture
def account() -> int:
    return int(services.add({"name": "one", "source": "api_key", "secret": "k"}, principal=SOMEBODY).pk)


def cooldown(value: str = "m", until: float = NOW + 60) -> CooldownState:
    return CooldownState(Scope.MODEL, value, NOW, until, "why", strikes=3, needs_operator=True)


def write(account: int, *cooldowns: CooldownState, fingerprint: str = "f") -> None:
    store.write_cooldowns({(account, one.key): one for one in cooldowns}, {account: fingerprint}, NOW)


def test_what_is_written_is_read(account: int) -> None:
    write(account, cooldown(), cooldown("n"))
    write(account, cooldown(until=NOW + 90))
    assert store.read_cooldowns() == {account: [("f", cooldown(until=NOW + 90)), ("f", cooldown("n"))]}
    assert store.read_cooldowns(changed_after=NOW) == {}


def test_names_that_clients_invent_never_stop_the_writing(account: int) -> None:
    long = "x" * 300
    write(account, cooldown("nul\0"), cooldown("\ud800"), cooldown(long + "a"), cooldown(long + "b"))
    assert sorted(Cooldown.objects.values_list("value", flat=True)) == ["?", "nul", "x" * 255]


def test_a_cleared_cooldown_goes_unless_somebody_has_started_it_again(account: int) -> None:
    write(account, cooldown())
    gone = {(account, cooldown().key): None}
    store.write_cooldowns(gone, {account: "f"}, NOW)
    assert Cooldown.objects.exists()
    store.write_cooldowns(gone, {account: "f"}, NOW + 61)
    assert not Cooldown.objects.exists()
    write(account, cooldown(), fingerprint="old")
    store.write_cooldowns(gone, {account: "new"}, NOW)
    assert not Cooldown.objects.exists()


def test_an_account_that_is_gone_is_passed_over(account: int) -> None:
    write(account + 1, cooldown())
    assert not Cooldown.objects.exists()


def test_counters_add_up_and_the_newest_words_stay(account: int) -> None:
    window = QuotaWindow("5h", "allowed", 0.5, NOW + 60)
    store.write_traffic([store.Traffic(account, 3, "first", {"5h": window})], NOW)
    store.write_traffic([store.Traffic(account, 4, "", {})], NOW + 1)
    row = Account.objects.get()
    assert (row.used, row.last_error, row.last_error_at) == (7, "first", NOW)
    assert store.windows_of(row) == {"5h": window}
    store.write_traffic([store.Traffic(account, 0, "é\0" + "x" * 600, {"5h": window})], NOW + 2)
    row.refresh_from_db()
    assert len(row.last_error) == 500 and store.windows_of(row) == {"5h": window}
    row.quota = {"5h": "nonsense"}
    assert store.windows_of(row) == {}


def test_what_changed_since(account: int) -> None:
    whole = store.read_whole()
    assert (whole.revision, whole.is_whole, len(whole.rows)) == (1, True, 1)
    assert store.read_since(1) is None
    services.add({"name": "two", "source": "api_key", "secret": "k"}, principal=SOMEBODY)
    part = store.read_since(1)
    assert part is not None and not part.is_whole and [row.name for row in part.rows] == ["two"]
    services.remove("one", principal=SOMEBODY)
    again = store.read_since(2)
    assert again is not None and again.is_whole
    restored = store.read_since(99)  # the database was put back to an earlier day
    assert restored is not None and restored.is_whole
