"""People are made, changed and removed; a password is judged, kept as a hash and told to nobody."""

from __future__ import annotations

import json

import pytest
from django.contrib.auth.models import User

from gateway.models import AuditRow
from tests.principals import SOMEBODY
from tests.sign_ins import person, sign_in
from tokens import services as tokens
from tokens.errors import BadTokenField, TokenConflict
from tokens.groups import services as groups
from tokens.models import Token
from tokens.people import services
from tokens.people.errors import PersonExists, PersonNotFound
from tokens.people.models import Person
from tokens.signin.models import SignIn

pytestmark = pytest.mark.django_db
P = {"principal": SOMEBODY}
GOOD = "correct horse battery"


def test_who_is_made_has_her_address_for_a_name() -> None:
    made = person(" Ann@Example.ORG ", name="Ann Ox", password=GOOD)
    user = User.objects.get()
    assert (user.username, user.email, user.get_full_name()) == ("ann@example.org",) * 2 + ("Ann Ox",)
    assert user.check_password(GOOD) and user.is_active and not user.is_staff
    assert (made.user, made.source, made.subject) == (user, "local", None)


def test_without_a_password_nobody_can_guess_one() -> None:
    assert not person().user.has_usable_password()


@pytest.mark.parametrize("first", ["ann@example.org", "ANN@example.org"])
def test_an_address_is_given_once(first: str) -> None:
    person(first)
    with pytest.raises(PersonExists):
        person()


def test_a_login_with_this_address_has_it() -> None:
    User.objects.create_user("boss", "ann@example.org")
    with pytest.raises(PersonExists):
        person()
    assert services.get("Ann@example.org").user.username == "boss"
    assert services.get("boss").user.username == "boss"


@pytest.mark.parametrize(
    ("given", "field"),
    [
        ({"email": "nobody"}, "email"),
        ({"email": "a" * 150 + "@example.org"}, "email"),
        ({"password": "k3"}, "password"),
        ({"password": "ann@example.org"}, "password"),
        ({"groups": ["missing"]}, "groups"),
        ({"groups": "g"}, "groups"),
        ({"is_staff": 1}, "is_staff"),
        ({"name": "n" * 151}, "name"),
        ({"budget": 5}, "budget"),
        ({"active": True}, "active"),
        ({"parent": "g"}, "parent"),
    ],
)
def test_what_is_wrong_is_named(given: dict[str, object], field: str) -> None:
    with pytest.raises(BadTokenField) as told:
        person(**{"email": "ann@example.org", **given})
    assert told.value.param == field and "k3" not in told.value.message
    assert not User.objects.exists()


def test_only_what_is_given_changes() -> None:
    groups.create("g", **P)
    person(budget="5", groups=["g"], password=GOOD)
    changed = services.change("ann@example.org", name="Ann", requests_per_minute=3, **P)
    assert (changed.budget, changed.requests_per_minute, changed.user.first_name) == (5, 3, "Ann")
    assert changed.user.check_password(GOOD) and changed.user.groups.count() == 1
    changed = services.change("ann@example.org", budget=None, password=None, is_staff=True, **P)
    assert (changed.budget, changed.user.has_usable_password(), changed.user.is_staff) == (None, False, True)


def test_a_change_that_is_refused_changes_nothing() -> None:
    person(budget="5")
    with pytest.raises(BadTokenField):
        services.change("ann@example.org", budget="9", name="Ann", groups=["missing"], **P)
    found = services.get("ann@example.org")
    assert (found.budget, found.user.first_name) == (5, "")


def test_no_password_is_recorded() -> None:
    person(password=GOOD)
    services.change("ann@example.org", password="another good one", **P)
    rows = list(AuditRow.objects.filter(subject="person:ann@example.org").order_by("id"))
    assert [row.action for row in rows] == ["person.create", "person.change"]
    assert rows[1].after == {"password": "(secret)"}
    kept = json.dumps([[row.before, row.after] for row in rows])
    assert GOOD not in kept and "pbkdf2" not in kept


def test_to_sign_out_ends_all_her_sign_ins_and_no_token() -> None:
    who = person()
    mine = [sign_in(who), sign_in(who)]
    other = sign_in(person("bob@example.org"))
    plain = tokens.issue(person="ann@example.org", **P).token
    assert services.sign_out("ann@example.org", **P) == 2
    assert services.sign_out("ann@example.org", **P) == 0
    assert all(Token.objects.get(pk=token.pk).is_revoked for token in mine)
    assert not any(Token.objects.get(pk=token.pk).is_revoked for token in (other, plain))
    assert Token.objects.get(pk=plain.pk).person == who


def test_who_is_removed_leaves_ended_sign_ins_and_her_service_tokens() -> None:
    token = sign_in(person())
    plain = tokens.issue(person="ann@example.org", **P).token
    services.remove("ann@example.org", **P)
    assert not User.objects.exists() and not Person.objects.exists()
    assert Token.objects.get(pk=token.pk).is_revoked
    assert SignIn.objects.get().user is None
    found = Token.objects.get(pk=plain.pk)
    assert (found.person, found.is_revoked) == (None, False)
    for call in (services.get, lambda email: services.remove(email, **P)):
        with pytest.raises(PersonNotFound):
            call("ann@example.org")


@pytest.mark.parametrize("end", [tokens.revoke, tokens.expire])
def test_to_revoke_her_token_ends_the_sign_in(end: object) -> None:
    token = sign_in(person())
    end(token.id, **P)  # type: ignore[operator]
    assert SignIn.objects.get().revoked_at is not None
    assert Token.objects.get().is_revoked


def test_the_token_of_a_sign_in_is_changed_through_its_person() -> None:
    token = sign_in(person())
    with pytest.raises(TokenConflict):
        tokens.change(token.id, budget="5", **P)
    with pytest.raises(TokenConflict):
        tokens.rotate(token.id, **P)


def test_a_service_token_names_its_owner() -> None:
    person()
    token = tokens.issue(person="ann@example.org", **P).token
    rotated = tokens.rotate(token.id, **P).issued.token
    assert rotated.person.user.email == "ann@example.org"
    assert tokens.change(rotated.id, person=None, **P).person is None
    with pytest.raises(BadTokenField, match="person: no person"):
        tokens.issue(person="bob@example.org", **P)


def test_lists_are_by_address_and_show_logins_that_have_no_row_yet() -> None:
    person("bob@example.org")
    person()
    User.objects.bulk_create([User(username="root")])
    assert [found.user.username for found in services.find_all()] == [
        "root", "ann@example.org", "bob@example.org",
    ]  # fmt: skip
