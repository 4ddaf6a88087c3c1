"""Who comes from an issuer is known by its subject, and by the address the first time."""

from __future__ import annotations

from typing import Any

import pytest
from django.contrib.auth.models import Group as StaffGroup
from django.contrib.auth.models import User
from django.test import Client

from gateway.models import AuditRow
from tests import signing
from tests.signing import EMAIL, P, arrival
from tokens.models import Group
from tokens.people import roles
from tokens.people.arriving import NotAdmitted, arrive
from tokens.people.models import Person

pytestmark = pytest.mark.django_db


def names(user: User) -> list[str]:
    return sorted(user.groups.values_list("name", flat=True))


def test_a_new_person_is_made_and_found_again() -> None:
    user = arrive(arrival(), **P)
    assert (user.username, user.email, user.first_name) == (EMAIL, EMAIL, "Ann")
    assert not user.has_usable_password() and not user.is_staff
    person = Person.objects.get(user=user)
    assert (person.source, person.issuer, person.subject) == ("oidc", "https://id.test", "s-1")
    assert arrive(arrival(), **P) == user
    assert arrive(arrival(subject="s-2", email="ben@example.org"), **P) != user


def test_a_new_address_is_taken_over_unless_it_is_somebody_s() -> None:
    user = arrive(arrival(), **P)
    assert arrive(arrival(email="ann.new@example.org"), **P) == user
    user.refresh_from_db()
    assert user.email == user.username == "ann.new@example.org"
    signing.person("ben@example.org")
    arrive(arrival(email="ben@example.org"), **P)
    user.refresh_from_db()
    assert user.email == "ann.new@example.org"


@pytest.mark.parametrize(
    ("password", "is_verified", "is_joined"),
    [
        (None, True, True),
        (None, False, False),
        ("pw-of-ann-0123", True, False),
        ("pw-of-ann-0123", False, False),
    ],
)
def test_a_local_person_is_joined_only_if_nobody_else_could_be_her(
    password: str | None, is_verified: bool, is_joined: bool
) -> None:
    local = signing.person("Ann@Example.org", password)
    if is_joined:
        assert arrive(arrival(is_verified=is_verified), **P) == local
        assert Person.objects.get(user=local).source == "oidc"
        return
    with pytest.raises(NotAdmitted):
        arrive(arrival(is_verified=is_verified), **P)
    assert Person.objects.filter(subject="s-1").count() == 0


def test_an_address_that_belongs_to_another_subject_is_not_joined() -> None:
    arrive(arrival(), **P)
    with pytest.raises(NotAdmitted):
        arrive(arrival(subject="s-2"), **P)


def test_who_was_deactivated_stays_out() -> None:
    user = arrive(arrival(), **P)
    user.is_active = False
    user.save()
    with pytest.raises(NotAdmitted):
        arrive(arrival(), **P)


@pytest.mark.parametrize(
    "values", [{"email": "ann"}, {"email": "a" * 150 + "@b.org"}, {"subject": ""}, {"subject": "s" * 256}]
)
def test_what_can_not_be_kept_is_refused(values: dict[str, str]) -> None:
    with pytest.raises(NotAdmitted):
        arrive(arrival(**values), **P)
    assert not User.objects.exists()


def test_groups_of_the_claim_replace_hers_and_roles_stay() -> None:
    user = arrive(arrival(groups=("dev", "ops")), **P)
    assert names(user) == ["dev", "ops"]
    assert sorted(Group.objects.values_list("name", flat=True)) == ["dev", "ops"]
    user.groups.add(StaffGroup.objects.create(name="role:tester"), StaffGroup.objects.create(name="by-hand"))
    arrive(arrival(groups=("ops", "role:admin", "*", "", "x" * 151, "new\n")), **P)
    assert names(user) == ["ops", "role:tester"]
    arrive(arrival(groups=None), **P)
    assert names(user) == ["ops", "role:tester"]
    arrive(arrival(groups=()), **P)
    assert names(user) == ["role:tester"]


ROLES = ("ops team=operator", "staff=admin", "people=developer")


@pytest.mark.parametrize(
    ("groups", "role", "is_staff"),
    [
        (("ops team",), "operator", True), (("people", "staff", "x"), "admin", True),
        (("people",), "developer", False),
        (("x", "role:admin"), None, False), ((), None, False),
    ],
)  # fmt: skip
def test_groups_of_the_claim_give_the_roles_that_the_settings_name(
    options: Any, groups: tuple[str, ...], role: str | None, is_staff: bool
) -> None:
    options(OIDC_ROLES=ROLES)
    user = arrive(arrival(groups=groups), **P)
    assert (roles.role_of(user), user.is_staff) == (role, is_staff)


def test_a_role_goes_with_the_group_and_sessions_with_it(options: Any) -> None:
    options(OIDC_ROLES=ROLES)
    user = arrive(arrival(groups=("ops team", "dev")), **P)
    client = Client()
    client.force_login(user)
    assert arrive(arrival(groups=("ops team",)), **P) == user and client.session.get("_auth_user_id")
    user = arrive(arrival(groups=("dev",)), **P)
    assert roles.role_of(user) is None and not user.is_staff and names(user) == ["dev"]
    assert client.session.get("_auth_user_id") is None
    rows = AuditRow.objects.filter(action="person.role").order_by("id")
    assert [(row.before["role"], row.after["role"]) for row in rows] == [
        (None, "operator"),
        ("operator", None),
    ]


def test_what_an_issuer_may_not_take(options: Any) -> None:
    options(OIDC_ROLES=ROLES)
    user = arrive(arrival(groups=("staff",)), **P)
    assert roles.role_of(arrive(arrival(groups=()), **P)) == "admin"  # the last one
    signing.person("root@example.org", is_staff=True, is_superuser=True)
    assert roles.role_of(arrive(arrival(groups=None), **P)) == "admin"  # the issuer says nothing
    assert roles.role_of(arrive(arrival(groups=()), **P)) is None
    User.objects.filter(pk=user.pk).update(is_superuser=True, is_staff=True)
    assert roles.role_of(arrive(arrival(groups=("people",)), **P)) == "admin"


def test_without_the_setting_no_group_gives_or_takes_a_role() -> None:
    user = arrive(arrival(groups=("staff",)), **P)
    assert roles.role_of(user) is None
    user.groups.add(StaffGroup.objects.get(name="role:viewer"))
    assert roles.role_of(arrive(arrival(groups=()), **P)) == "viewer"
