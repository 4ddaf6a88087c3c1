"""What Django's own pages and the ORM do to logins and groups is heard: both rows of a group stay one thing."""

from __future__ import annotations

import pytest
from django.contrib.auth.models import Group as StaffGroup
from django.contrib.auth.models import User
from django.db import transaction

from tests.principals import SOMEBODY
from tests.sign_ins import person, sign_in
from tokens import services as tokens
from tokens.errors import BadTokenField, GroupInUse
from tokens.groups import services as groups
from tokens.models import Group, Token, TokensRevision
from tokens.people import mirror, services
from tokens.people.models import Person
from tokens.policies.models import Policy
from tokens.signin.models import SignIn

pytestmark = pytest.mark.django_db
P = {"principal": SOMEBODY}
SHIPPED: list[int] = []
"""Roles that every installation has."""


@pytest.fixture(autouse=True)
def _shipped() -> None:
    SHIPPED[:] = StaffGroup.objects.values_list("pk", flat=True)


def ours() -> set[str]:
    return set(Group.objects.values_list("name", flat=True))


def theirs() -> set[str]:
    return set(StaffGroup.objects.exclude(pk__in=SHIPPED).values_list("name", flat=True))


def test_our_services_carry_djangos_row_along() -> None:
    groups.create("a", **P)
    Policy.objects.create(group="a", settings="{}", checksum="x")
    assert theirs() == {"a"}
    user = person(groups=["a"]).user
    groups.change("a", name="b", **P)
    assert (theirs(), [group.name for group in user.groups.all()]) == ({"b"}, ["b"])
    assert Policy.objects.get().group == "b"
    groups.delete("b", **P)
    assert (theirs(), list(user.groups.all()), Policy.objects.count()) == (set(), [], 0)


def test_djangos_rows_carry_ours_along() -> None:
    row = StaffGroup.objects.create(name="a")
    assert ours() == {"a"}
    groups.change("a", budget="5", **P)
    row.name = "b"
    row.save()
    assert [(group.name, group.budget) for group in Group.objects.all()] == [("b", 5)]
    row.delete()
    assert ours() == set()


def test_the_orm_carries_along_too() -> None:
    row = Group.objects.create(name="a")
    assert theirs() == {"a"}
    row.name = "b"
    row.save()
    assert theirs() == {"b"}
    row.delete()
    assert theirs() == set()


def test_limits_that_the_orm_saves_are_heard() -> None:
    row = Group.objects.create(name="a", member_budget=5, member_budget_period="day")
    who = person(groups=["a"])
    token = sign_in(who)
    before = TokensRevision.objects.get().value
    row.member_budget = 7
    row.save()
    assert Token.objects.get(pk=token.pk).budget == 7
    assert Group.objects.get().revision > before
    who.budget = 9
    who.save()
    assert Token.objects.get(pk=token.pk).budget == 9


def test_a_group_whose_old_name_was_no_mirrored_one_gets_its_half() -> None:
    role = StaffGroup.objects.create(name="role:x")
    Group.objects.bulk_create([Group(name="role:x")])
    groups.change("role:x", name="b", **P)
    assert theirs() == {"role:x", "b"}
    role.delete()


def test_roles_are_no_groups_of_ours() -> None:
    role = StaffGroup.objects.create(name="role:tester")
    assert ours() == set()
    user = person().user
    user.groups.add(role)
    services.change("ann@example.org", groups=[], **P)
    assert [group.name for group in user.groups.all()] == ["role:tester"]
    for name in ("role:tester", "*"):
        with pytest.raises(BadTokenField, match="must not be"):
            groups.create(name, **P)
    role.delete()


def test_a_group_that_is_used_is_removed_on_neither_side() -> None:
    groups.create("tokens", **P)
    groups.create("signed-in", **P)
    groups.create("parent", **P)
    groups.create("child", parent="parent", **P)
    tokens.issue(group="tokens", **P)
    sign_in(person(groups=["signed-in"]))
    for name in ("tokens", "signed-in", "parent"):
        with pytest.raises(GroupInUse):
            groups.delete(name, **P)
        with pytest.raises(GroupInUse), transaction.atomic():
            StaffGroup.objects.get(name=name).delete()
        assert name in ours() & theirs()
    services.sign_out("ann@example.org", **P)
    StaffGroup.objects.get(name="signed-in").delete()
    assert "signed-in" not in ours()


@pytest.mark.parametrize("side", ["user", "group"])
def test_memberships_are_heard_from_either_side(side: str) -> None:
    groups.create("g", member_budget="4", **P)
    user = person().user
    token, row = sign_in(user.person), StaffGroup.objects.get(name="g")
    before = TokensRevision.objects.get().value

    def budget() -> object:
        return Token.objects.get(pk=token.pk).budget

    for join, leave in (("add", "remove"), ("add", "clear")):
        joined, member = (user.groups, row) if side == "user" else (row.user_set, user)
        getattr(joined, join)(member)
        assert budget() == 4
        getattr(joined, leave)(*([member] if leave == "remove" else []))
        assert budget() is None
    assert TokensRevision.objects.get().value >= before + 4


def test_a_login_that_is_saved_inactive_or_deleted_is_signed_out() -> None:
    user, other = person().user, person("bob@example.org").user
    tokens_ = [sign_in(user.person), sign_in(other.person)]
    user.is_active = False
    user.save()
    other.delete()
    assert [Token.objects.get(pk=token.pk).is_revoked for token in tokens_] == [True, True]
    assert SignIn.objects.filter(revoked_at=None).count() == 0


def test_to_log_in_writes_nothing_of_ours() -> None:
    user = person().user
    sign_in(user.person)
    before = TokensRevision.objects.get().value
    user.save(update_fields=["last_login"])
    assert TokensRevision.objects.get().value == before


def test_another_address_is_the_label_of_her_tokens() -> None:
    user = person().user
    token = sign_in(user.person)
    user.email = "new@example.org"
    user.save()
    assert Token.objects.get(pk=token.pk).label == "new@example.org"


def test_what_was_not_heard_is_repaired() -> None:
    User.objects.bulk_create([User(username="eve")])
    Group.objects.bulk_create([Group(name="a")])
    StaffGroup.objects.bulk_create([StaffGroup(name="b"), StaffGroup(name="role:x")])
    assert mirror.repair() == 3
    assert (ours(), theirs()) == ({"a", "b"}, {"a", "b", "role:x"})
    assert Person.objects.get().user.username == "eve"
    assert mirror.repair() == 0
