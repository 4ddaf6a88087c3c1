"""What is told of a person: her cap, from wherever it comes, and the sign-ins that are not over."""

from __future__ import annotations

from typing import Any

import pytest

from tests.principals import SOMEBODY
from tests.sign_ins import person, sign_in
from tokens.groups import services as groups
from tokens.people import presenting, standing
from tokens.signin.models import SignIn

pytestmark = pytest.mark.django_db


def test_her_cap_is_counted_in_her_ledger() -> None:
    groups.create("g", principal=SOMEBODY, member_budget="4", member_budget_period="day")
    who = person(groups=["g"])
    cap = presenting.cap_of(who, standing.groups_of(who.user))
    assert (cap.ledger, cap.name, cap.budget, cap.budget_period) == (f"person:{who.pk}", "", 4, "day")
    assert presenting.person(who)["budget"] is None  # her own


def test_sign_ins_that_are_over_are_not_told() -> None:
    who = person()
    ended, past, _ = sign_in(who), sign_in(who), sign_in(who)
    SignIn.objects.filter(pk=ended.sign_in.pk).update(revoked_at=1)
    SignIn.objects.filter(pk=past.sign_in.pk).update(ends_at=1)
    assert len(presenting.alive(who.user)) == 1


def test_many_people_cost_no_more_queries_than_one(django_assert_num_queries: Any) -> None:
    groups.create("g", principal=SOMEBODY)
    people = [person(f"u{number}@example.org", groups=["g"]) for number in range(5)]
    with django_assert_num_queries(3):
        told = presenting.people(people)
    assert [row["groups"] for row in told] == [["g"]] * 5
    assert told[0] == presenting.person(people[0])
