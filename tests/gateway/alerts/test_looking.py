"""One look: what it asks for, and how often."""

from __future__ import annotations

import time
from typing import Any

import pytest

from accounts.pool.cooldown import CooldownState
from accounts.pool.pool import Pool
from gateway.alerts import looking
from gateway.alerts.deciding import Decider
from gateway.alerts.looking import Looker, World
from gateway.alerts.models import AlertMessage
from gateway.kernel.events import Event
from providers.drivers.base import Scope
from tests.accounts.building import Clock, memory_pool
from tests.gateway.alerts.making import P, channel, rule
from tokens.groups import services as groups
from tokens.limits import shares

pytestmark = pytest.mark.django_db


class Case:
    """A worker's looker over a pool of one account, and what is true of the world."""

    def __init__(self) -> None:
        self.clock = Clock()
        self.pool: Pool | None = memory_pool(1, self.clock)
        self.is_redis_away = False
        self.muted: set[str] = set()
        world = World(lambda: self.pool, lambda: self.is_redis_away, lambda: self.muted)
        self.looker = Looker(world, Decider("1"))

    def look(self, *noted: Event) -> list[str]:
        before = set(AlertMessage.objects.values_list("id", flat=True))
        self.looker.look(noted)
        rows = AlertMessage.objects.exclude(pk__in=before).order_by("id")
        return [f"{row.event} {row.subject} {row.state}" for row in rows]

    def rest(self) -> None:
        assert self.pool is not None
        now = self.clock.now
        self.pool.states()[0].cooldowns.start(CooldownState(Scope.ACCOUNT, "", now, now + 999, "limit"))


@pytest.fixture
def case() -> Case:
    channel()
    return Case()


def test_without_rules_a_look_costs_next_to_nothing(case: Case, django_assert_max_num_queries: Any) -> None:
    case.look()
    case.rest()
    with django_assert_max_num_queries(4):
        assert case.look() == []


def test_accounts_redis_and_the_disk(case: Case, monkeypatch: pytest.MonkeyPatch) -> None:
    for event in ("account-out", "provider-out", "redis"):
        rule(event)
    rule("disk", threshold=1)
    monkeypatch.setattr(looking.seeing, "disk", lambda: looking.Seen("disk", "disk:", value=50))
    assert case.look() == ["disk disk: firing"]
    case.rest()
    case.is_redis_away = True
    assert sorted(case.look()) == [
        "account-out account:a0 firing", "provider-out provider:anthropic firing", "redis redis: firing",
    ]  # fmt: skip
    case.pool = None
    assert case.look() == []


def test_what_is_rehearsed_is_not_told(case: Case) -> None:
    rule("account-out")
    case.rest()
    case.muted = {"account:a0"}
    assert case.look() == []
    case.muted = set()
    assert case.look() == ["account-out account:a0 firing"]


def test_budgets_as_events_name_them_and_levels_that_rules_name(case: Case) -> None:
    groups.create("team", budget="10", budget_period="month", **P)
    rule("budget", threshold=70)
    event = Event("budget-share", "group:team", time.time(), {"percent": 70, "spent": "7.1"})
    try:
        assert case.look(event) == ["budget group:team firing"]
        assert shares.OF_PROCESS.told == (50, 70, 80, 95, 100)
        assert case.look(event) == []
    finally:
        shares.OF_PROCESS.watch(())


def test_sums_are_asked_for_now_and_then_only(
    case: Case, django_assert_num_queries: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("RATES_SECONDS", "TOKENS_SECONDS"):
        monkeypatch.setattr(looking, name, 3_600.0)
    rule("error-rate")
    rule("token-expires")
    case.look()
    with django_assert_num_queries(4):  # rules, their channels, channels, open outages
        case.looker.look([])
