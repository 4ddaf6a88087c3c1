"""Groups on the page of people: members, what is used, budgets and models."""

from __future__ import annotations

import time
from decimal import Decimal
from typing import Any

import pytest

from gateway.console import teams
from gateway.usage import services as usage
from gateway.usage.tidy import tidy
from tests.gateway.usage.making import exchange
from tests.principals import SOMEBODY
from tests.sign_ins import person
from tokens.groups import services as groups
from tokens.records import group_ledger

pytestmark = pytest.mark.django_db
P: dict[str, Any] = {"principal": SOMEBODY}


def spend(group: Any, cost: str, **more: Any) -> None:
    made = exchange(
        started_at=time.time(), group=group.name, group_ledger=group_ledger(group.pk), cost=Decimal(cost),
        currency="USD", **more,
    )  # fmt: skip
    usage.write([tidy(made)])


def test_a_group_has_members_use_budgets_and_models(django_assert_max_num_queries: Any) -> None:
    dev = groups.create(
        "dev", budget="10", budget_period="month", member_budget="2.5", member_budget_period="week",
        allowed_models=["claude-*"], **P,
    )  # fmt: skip
    groups.create("ops", parent="dev", priority=200, **P)
    for number in range(teams.NAMED + 2):
        person(f"p{number}@example.org", groups=["dev"])
    spend(dev, "1.25")
    spend(dev, "1")
    with django_assert_max_num_queries(4):
        shown, other = teams.listed()
    assert (shown["name"], shown["calls"], shown["models"]) == ("dev", 2, ["claude-*"])
    assert (len(shown["members"]), shown["others"]) == (teams.NAMED, 2)
    assert shown["budget"] is not None and shown["budget"]["percent"] == 22
    assert [(each["cost"], each["currency"]) for each in shown["costs"]] == [("2.25", "USD")]
    assert (shown["member_budget"], shown["member_budget_period"]) == ("2.5", "week")
    assert (other["parent"], other["budget"], other["models"], other["members"]) == ("dev", None, [], [])


def test_a_pool_counts_what_groups_below_it_spend() -> None:
    pool = groups.create("pool", budget="4", budget_period="never", **P)
    below = groups.create("below", parent="pool", **P)
    spend(below, "1", parent_ledger=group_ledger(pool.pk))
    shown = {each["name"]: each for each in teams.listed()}
    assert shown["pool"]["budget"]["percent"] == 25 and shown["below"]["budget"] is None
