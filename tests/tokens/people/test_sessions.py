"""Sessions end with what opened them: a role, access, a password."""

from __future__ import annotations

from typing import Any

import pytest
from django.contrib.auth.models import User
from django.test import Client

from tests.principals import SOMEBODY
from tokens.people import services, sessions

pytestmark = pytest.mark.django_db
ANN = "ann@example.org"


def logged_in(user: User) -> Client:
    client = Client(headers={"Host": "localhost"})
    client.force_login(user)
    return client


def is_in(client: Client) -> bool:
    return client.session.get("_auth_user_id") is not None


def test_all_of_one_person_end_but_the_one_that_is_kept() -> None:
    ann, bob = User.objects.create_user("ann"), User.objects.create_user("bob")
    hers, other, his = logged_in(ann), logged_in(ann), logged_in(bob)
    assert sessions.end(ann.pk, keep=str(other.session.session_key)) == 1
    assert (is_in(hers), is_in(other), is_in(his)) == (False, True, True)
    assert sessions.end(ann.pk) == 1 and not is_in(other)


@pytest.mark.parametrize(
    ("given", "ends"),
    [({"role": "operator"}, True), ({"active": False}, True), ({"is_staff": False}, True), ({"role": None}, True),
     ({"role": "viewer"}, False), ({"name": "Ann"}, False), ({"budget": "5"}, False)],
)  # fmt: skip
def test_which_changes_end_them(given: dict[str, Any], ends: bool) -> None:
    client = logged_in(services.add(ANN, role="viewer", principal=SOMEBODY).user)
    services.change(ANN, principal=SOMEBODY, **given)
    assert is_in(client) is not ends


def test_who_changes_her_own_role_stays_in_where_she_does_it() -> None:
    user = services.add(ANN, role="admin", principal=SOMEBODY).user
    services.add("bob@example.org", role="admin", principal=SOMEBODY)
    here, there = logged_in(user), logged_in(user)
    answer = here.patch(f"/api/people/{ANN}", {"role": "viewer"}, content_type="application/json")
    assert answer.status_code == 200, answer.content
    assert is_in(here) and not is_in(there)
    assert here.get("/console/requests/").status_code == 200


def test_a_new_password_ends_them() -> None:
    user = services.add(ANN, role="viewer", password="the first of the test", principal=SOMEBODY).user
    client = logged_in(user)
    services.change(ANN, password="the second of the test", principal=SOMEBODY)
    assert client.get("/console/requests/").status_code == 302
