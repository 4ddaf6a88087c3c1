"""Rehearsals as rows."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from django.utils import timezone

from accounts.errors import UnknownAccount
from accounts.models import Account, Cooldown
from accounts.services import add
from gateway.kernel.principal import GATEWAY
from gateway.models import AuditRow
from gateway.rehearsals import services
from gateway.rehearsals.errors import BadRehearsal, RehearsalNotFound
from gateway.rehearsals.models import Rehearsal
from providers.errors import UnknownProvider
from tests.principals import SOMEBODY

pytestmark = pytest.mark.django_db
P: dict[str, Any] = {"principal": SOMEBODY}


@pytest.fixture(autouse=True)
def account() -> None:
    add({"name": "a", "source": "api_key", "secret": "key-of-a-1"}, **P)


def start(**given: Any) -> Rehearsal:
    return services.start({"account": "a", "fault": "429", **given}, **P)


def test_it_runs_a_minute_and_is_told_of() -> None:
    told: list[int] = []
    services.changes.add(lambda: told.append(1))
    row = start(calls=5)
    assert row.ends_at - row.started_at == timedelta(seconds=60) and (row.calls, row.left) == (5, 5)
    assert services.running() == [row]
    entry = AuditRow.objects.get(action="rehearsal.start")
    assert (
        entry.subject == f"rehearsal:{row.pk}" and entry.after is not None and entry.after["fault"] == "429"
    )
    services.end(row.pk, **P)
    assert services.running() == []
    with pytest.raises(RehearsalNotFound):
        services.end(row.pk, **P)


def test_a_new_one_of_the_same_target_replaces_the_old() -> None:
    first, other = start(), services.start({"provider": "anthropic", "fault": "500"}, **P)
    second = start(fault="cut", seconds=600)
    assert {row.pk for row in services.running()} == {other.pk, second.pk}
    assert AuditRow.objects.filter(action="rehearsal.end", subject=f"rehearsal:{first.pk}").exists()


@pytest.mark.parametrize(
    ("given", "field"),
    [
        ({"account": None}, "account"),
        ({"provider": "anthropic"}, "provider"),
        ({"account": 5}, "account"),
        ({"fault": "teapot"}, "fault"),
        ({"fault": 429}, "fault"),
        ({"calls": 0}, "calls"),
        ({"calls": 1001}, "calls"),
        ({"calls": True}, "calls"),
        ({"seconds": 601}, "seconds"),
        ({"seconds": "5"}, "seconds"),
        ({"speed": 1}, "speed"),
    ],
)
def test_what_can_not_be_taken_is_named(given: dict[str, Any], field: str) -> None:
    with pytest.raises(BadRehearsal) as refused:
        start(**given)
    assert refused.value.param == field and not Rehearsal.objects.exists()


def test_targets_that_are_not_there() -> None:
    with pytest.raises(UnknownAccount):
        start(account="nobody")
    with pytest.raises(UnknownProvider):
        start(account=None, provider="nobody")


def test_calls_are_counted_once_each_until_none_is_left() -> None:
    row = start(calls=2)
    assert [services.take(row.pk) for _ in range(3)] == [1, 0, None]
    services.end(row.pk, **P)
    assert services.take(row.pk) is None


def test_what_is_over_by_time_does_not_run() -> None:
    row = start()
    Rehearsal.objects.filter(pk=row.pk).update(ends_at=timezone.now() - timedelta(seconds=1))
    assert services.running() == []


def test_a_start_of_the_process_ends_all_and_drops_what_they_left_behind() -> None:
    row = start()
    mine = Account.objects.get()
    now = row.started_at.timestamp()

    def cooldown(value: str, started_at: float) -> None:
        Cooldown.objects.create(
            account=mine, fingerprint="x", scope="model", value=value, started_at=started_at, until=now + 99,
            reason="x", changed_at=now,
        )  # fmt: skip

    cooldown("real", now - 100)
    cooldown("rehearsed", now + 1)
    services.end_all(principal=GATEWAY)
    assert [each.value for each in Cooldown.objects.all()] == ["real"] and services.running() == []
    assert AuditRow.objects.get(action="rehearsal.end").who_kind == "system"
