"""The first admin: one link, used once, in time, and only while nobody administers."""

from __future__ import annotations

import time
from typing import Any

import pytest
from django.contrib.auth.models import Group, User

from gateway.access.roles import Role, role_of
from gateway.models import AuditRow
from tests.principals import SOMEBODY
from tests.sign_ins import person
from tokens.errors import BadTokenField
from tokens.people import first
from tokens.people.errors import HasAdmin, LinkGone, PersonExists
from tokens.people.models import SetupLink

pytestmark = pytest.mark.django_db
P = {"principal": SOMEBODY}
EMAIL, PASSWORD = "root@example.org", "a long pass phrase"


@pytest.fixture(autouse=True)
def settings_of_links(options: Any) -> None:
    options(SETUP_LINK_SECONDS=900.0)


def test_a_link_makes_an_admin_once() -> None:
    made = first.make_link(**P)
    assert first.is_needed() and first.is_open(made.secret)
    user = first.make_admin(made.secret, "Root@Example.org", PASSWORD, **P)
    assert (
        role_of(user) is Role.ADMIN
        and user.is_staff
        and user.email == EMAIL
        and user.check_password(PASSWORD)
    )
    assert not first.is_needed() and not first.is_open(made.secret)
    with pytest.raises(LinkGone):
        first.make_admin(made.secret, "other@example.org", PASSWORD, **P)
    with pytest.raises(HasAdmin):
        first.make_link(**P)
    assert User.objects.count() == 1
    assert set(AuditRow.objects.values_list("action", flat=True)) == {
        "setup.link",
        "setup.done",
        "person.create",
    }


def test_nothing_of_the_secret_is_kept() -> None:
    made = first.make_link(**P)
    kept = str(list(SetupLink.objects.values())) + str(list(AuditRow.objects.values()))
    assert made.secret not in kept and made.secret not in repr(made)


def test_a_fresh_link_ends_the_older_one() -> None:
    older, fresh = first.make_link(**P), first.make_link(**P)
    assert not first.is_open(older.secret) and first.is_open(fresh.secret)
    assert not first.is_open("") and not first.is_open("\0")


def test_a_link_ends_in_time() -> None:
    made = first.make_link(**P)
    assert 899 <= made.expires_at - time.time() <= 901
    SetupLink.objects.update(expires_at=int(time.time()))
    assert not first.is_open(made.secret)
    with pytest.raises(LinkGone):
        first.make_admin(made.secret, EMAIL, PASSWORD, **P)


@pytest.mark.parametrize(
    ("email", "password"), [("no address", PASSWORD), (EMAIL, "short"), (EMAIL, ""), ("", "")]
)
def test_what_is_refused_uses_nothing_up(email: str, password: str) -> None:
    made = first.make_link(**P)
    with pytest.raises(BadTokenField):
        first.make_admin(made.secret, email, password, **P)
    assert first.is_open(made.secret) and not User.objects.exists()


def test_an_address_that_is_taken_uses_nothing_up() -> None:
    person(EMAIL)
    made = first.make_link(**P)
    with pytest.raises(PersonExists):
        first.make_admin(made.secret, EMAIL, PASSWORD, **P)
    assert first.is_open(made.secret)


def test_who_counts_as_an_admin() -> None:
    made = first.make_link(**P)
    viewer = User.objects.create_user("viewer", is_staff=True)
    viewer.groups.add(Group.objects.get(name="role:viewer"))
    gone = User.objects.create_superuser("gone", is_active=False)
    assert first.is_open(made.secret)
    gone.is_active = True
    gone.save()
    assert not first.is_open(made.secret)
    gone.delete()
    viewer.groups.add(Group.objects.get(name="role:admin"))
    assert not first.is_needed()
