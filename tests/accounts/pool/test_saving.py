"""Saving alone: what is written down, once, and kept while the database is away."""

from __future__ import annotations

import pytest
from django.db import DatabaseError, connection

from accounts import services
from accounts.models import Account, Cooldown, Strategy
from accounts.pool.lease import Lease
from accounts.pool.outcomes import OutcomeTracker
from accounts.pool.provider_accounts import PoolMembers
from accounts.pool.saving import Saving
from accounts.pool.state import AccountState, Terms
from providers.drivers.base import Scope
from tests.accounts.building import MODEL, START, Clock, key_loaded, limit
from tests.principals import SOMEBODY

pytestmark = pytest.mark.django_db(transaction=True)


class Saved:
    """One account with a row, a tracker that learns about it, and the saving of both."""

    def __init__(self) -> None:
        row = services.add({"name": "one", "source": "api_key", "secret": "k"}, principal=SOMEBODY)
        self.state = AccountState(row.id, Terms("one", "anthropic"), key_loaded("k"))
        self.members = PoolMembers(Clock(), Strategy.ROUND_ROBIN)
        self.members.install([self.state])
        self.outcomes = OutcomeTracker(self.members, 60.0, lambda: 0.0)
        self.saving = Saving(self.members, self.outcomes)

    def limit(self) -> None:
        credential = self.state.loaded.credential
        assert credential is not None
        lease = Lease(self.state, "one", credential, None, MODEL, START)
        self.outcomes.report(lease, limit(Scope.MODEL, 60))

    def use(self, times: int) -> None:
        self.state.unsaved_used += times
        self.members.touched.add(self.state.id)


def test_cooldowns_are_written_once() -> None:
    one = Saved()
    assert not one.saving.save_cooldowns()
    one.limit()
    assert one.saving.save_cooldowns() and not one.saving.save_cooldowns()
    row = Cooldown.objects.get()
    assert (row.value, row.until, row.fingerprint) == (MODEL, START + 60, one.state.fingerprint)


def test_counters_are_added_and_the_newest_error_stays() -> None:
    one = Saved()
    for times in (2, 3):
        one.use(times)
        one.saving.save_traffic()
    one.limit()
    one.saving.save()
    row = Account.objects.get()
    assert (row.used, row.last_error, row.last_error_at) == (5, "upstream returned 429", START)


def test_what_could_not_be_written_is_written_later() -> None:
    one = Saved()
    one.use(2)
    one.limit()
    for table in ("account", "cooldown"):
        run_sql(f"ALTER TABLE accounts_{table} RENAME TO accounts_{table}_away")
    for save in (one.saving.save_cooldowns, one.saving.save_traffic):
        with pytest.raises(DatabaseError):
            save()
    one.use(1)
    for table in ("account", "cooldown"):
        run_sql(f"ALTER TABLE accounts_{table}_away RENAME TO accounts_{table}")
    one.saving.save()
    assert (Account.objects.get().used, Cooldown.objects.count()) == (3, 1)


def run_sql(sql: str) -> None:
    with connection.cursor() as cursor:
        cursor.execute(sql)
