"""Codes by time: right ones pass once, the secret is encrypted, and only its person switches it on."""

from __future__ import annotations

import base64
from typing import Any

import pytest
from django.contrib.auth.models import User

from gateway.models import AuditRow
from tests.principals import SOMEBODY
from tests.second_factor import code_of
from tests.sign_ins import person
from tokens.errors import BadTokenField
from tokens.people import services as people
from tokens.totp import services
from tokens.totp.models import Totp

pytestmark = pytest.mark.django_db
P = {"principal": SOMEBODY}
NOW = 1_796_000_010.0
SECRET = base64.b32encode(b"12345678901234567890").decode()


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    now = [NOW]
    monkeypatch.setattr(services.time, "time", lambda: now[0])
    return now


@pytest.fixture
def ann(clock: list[float]) -> User:
    user = person("ann@example.org").user
    services.switch_on(user, SECRET, code_of(SECRET, now=NOW), **P)
    return user


def test_the_vectors_of_the_standard(clock: list[float]) -> None:
    assert code_of(SECRET, now=59) == "287082" and code_of(SECRET, now=1_111_111_109) == "081804"
    user = person().user
    clock[0] = 1_111_111_109.0
    services.switch_on(user, SECRET, "081804", **P)
    assert services.is_on(user)


def test_each_code_is_taken_once(ann: User, clock: list[float]) -> None:
    assert not services.is_right(ann, code_of(SECRET, now=NOW)), "it switched it on already"
    clock[0] += 60
    code = code_of(SECRET, now=clock[0])
    assert services.is_right(ann, f" {code[:3]} {code[3:]} ") and not services.is_right(ann, code)
    assert not services.is_right(ann, code_of(SECRET, -1, clock[0])), "older than one that was taken"


@pytest.mark.parametrize(("steps", "passes"), [(-2, False), (-1, True), (0, True), (1, True), (2, False)])
def test_a_clock_may_be_off_by_one_step(ann: User, clock: list[float], steps: int, passes: bool) -> None:
    clock[0] += 300
    assert services.is_right(ann, code_of(SECRET, steps, clock[0])) is passes


@pytest.mark.parametrize("code", ["", "12345", "1234567", "abcdef", "١٢٣٤٥٦", "-12345", "\0", "9" * 5_000])
def test_what_is_no_code(ann: User, clock: list[float], code: str) -> None:
    clock[0] += 300
    assert not services.is_right(ann, code)


def test_the_secret_is_encrypted_and_bound_to_its_person(ann: User, clock: list[float]) -> None:
    row = Totp.objects.get()
    assert SECRET not in str(vars(row)) and row.sealed.startswith("gcm1:")
    bob = person("bob@example.org").user
    Totp.objects.create(user=bob, sealed=row.sealed, since=1)
    clock[0] += 300
    assert not services.is_right(bob, code_of(SECRET, now=clock[0]))
    assert SECRET not in str(list(AuditRow.objects.values()))


def test_a_wrong_code_switches_nothing_on_and_a_second_time_is_refused(clock: list[float]) -> None:
    user = person().user
    with pytest.raises(BadTokenField, match="code"):
        services.switch_on(user, SECRET, code_of(SECRET, 5, NOW), **P)
    assert not services.is_on(user)
    services.switch_on(user, SECRET, code_of(SECRET, now=NOW), **P)
    with pytest.raises(BadTokenField, match="already"):
        services.switch_on(user, SECRET, code_of(SECRET, now=NOW), **P)


def test_an_admin_switches_it_off_and_never_on(ann: User) -> None:
    for wrong in (True, None, "no"):
        with pytest.raises(BadTokenField, match="totp"):
            people.change("ann@example.org", totp=wrong, **P)
    people.change("ann@example.org", totp=False, **P)
    people.change("ann@example.org", totp=False, **P)
    assert not services.is_on(ann)
    told = list(AuditRow.objects.filter(action="person.totp").order_by("id").values_list("before", "after"))
    assert told == [
        ({"second_factor": False}, {"second_factor": True}),
        ({"second_factor": True}, {"second_factor": False}),
    ]
    assert not AuditRow.objects.filter(action="person.change").exists()


def test_what_is_offered_stays_in_one_login_and_is_another_in_the_next() -> None:
    ann, bob = person("ann@example.org").user, person("bob@example.org").user
    offers = {services.offered(user, key) for user in (ann, bob) for key in ("a", "b")}
    assert len(offers) == 4 and all(len(base64.b32decode(offer)) == 20 for offer in offers)
    assert services.offered(ann, "a") == services.offered(ann, "a")
    address = services.address(ann, "ABC")
    assert (
        address
        == "otpauth://totp/Link.Assistant.Router%3Aann%40example.org?secret=ABC&issuer=Link.Assistant.Router"
    )


def test_who_has_none_has_no_right_code(clock: list[float]) -> None:
    user: Any = person().user
    assert not services.is_on(user) and not services.is_right(user, code_of(SECRET, now=NOW))
