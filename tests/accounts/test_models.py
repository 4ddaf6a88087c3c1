"""Rows name themselves without secrets, and a cooldown exists once."""

from __future__ import annotations

import pytest
from django.db import IntegrityError

from accounts.models import Account, AccountsRevision, Cooldown, PoolSetting, RefreshLease


@pytest.mark.django_db
def test_rows() -> None:
    row = Account.objects.create(name="one", source="api_key", encrypted_secret="sealed")
    cooldown = Cooldown(
        account=row,
        fingerprint="f",
        scope="model",
        value="m",
        started_at=1,
        until=2,
        reason="r",
        changed_at=1,
    )
    words = [
        str(row),
        str(cooldown),
        str(RefreshLease(account=row)),
        str(PoolSetting()),
        str(AccountsRevision(value=3)),
    ]
    assert words == ["one", f"{row.pk} model m", f"{row.pk} ", "as configured", "3"]
    cooldown.save()
    cooldown.pk = None
    with pytest.raises(IntegrityError):
        cooldown.save()
