"""What holds for a person: her groups in order, her own budget before the one that her first group gives."""

from __future__ import annotations

from decimal import Decimal

import pytest
from django.contrib.auth.models import Group as StaffGroup
from django.contrib.auth.models import User

from tests.principals import SOMEBODY
from tests.sign_ins import person
from tokens.groups import services as groups
from tokens.people import standing

pytestmark = pytest.mark.django_db


def test_groups_go_by_priority_and_then_by_name() -> None:
    for name, priority in (("c", 100), ("b", 100), ("a", 200), ("z", 5)):
        groups.create(name, principal=SOMEBODY, priority=priority)
    user = person(groups=["a", "b", "c", "z"]).user
    user.groups.add(StaffGroup.objects.create(name="role:tester"))
    assert [group.name for group in standing.groups_of(user)] == ["z", "b", "c", "a"]


def test_who_is_in_no_group_has_her_own_limits() -> None:
    who = person(budget="5", requests_per_minute=7)
    found = standing.standing(who, standing.groups_of(who.user))
    assert (found.label, found.group, found.limits["budget"]) == ("ann@example.org", None, Decimal(5))
    assert found.values()["requests_per_minute"] == 7


def test_the_first_groups_budget_for_members_holds_where_she_has_none() -> None:
    groups.create("first", principal=SOMEBODY, member_budget="20", member_budget_period="week")
    groups.create("second", principal=SOMEBODY, member_budget="90", priority=900)
    who = person(groups=["first", "second"])
    limits = standing.limits(who, standing.groups_of(who.user)[0])
    assert (limits["budget"], limits["budget_period"]) == (Decimal(20), "week")
    own = person("bob@example.org", groups=["first"], budget="3", budget_period="day")
    limits = standing.limits(own, standing.groups_of(own.user)[0])
    assert (limits["budget"], limits["budget_period"]) == (Decimal(3), "day")


def test_a_budget_for_members_without_a_period_never_resets() -> None:
    made = groups.create("g", principal=SOMEBODY, member_budget="20")
    assert made.member_budget_period == "never"
    assert standing.limits(person(groups=["g"]), made)["budget_period"] == "never"


def test_who_has_no_row_of_limits_has_no_limits() -> None:
    user = User.objects.create_user("eve")
    user.person.delete()
    found = standing.person_of(User.objects.get(pk=user.pk))
    assert (found.user, found.budget, found.source) == (user, None, "local")
    assert standing.address_of(user) == "eve"
