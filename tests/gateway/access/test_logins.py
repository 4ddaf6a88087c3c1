"""Who guesses passwords is kept out, at every page that takes one; the owner of the name is not."""

from __future__ import annotations

from typing import Any

import pytest
from django.contrib.auth.models import User
from django.test import Client

from gateway.models import AuditRow, Try

pytestmark = pytest.mark.django_db
STRANGER, OTHER, HERE = "203.0.113.9", "198.51.100.7", "127.0.0.1"
PAGES = ("/admin/login/", "/login/")


@pytest.fixture(autouse=True)
def root(options: Any) -> User:
    options(PUBLIC_URL="https://gw.test")
    return User.objects.create_superuser("root", password="right-password")


def attempt(address: str, password: str = "wrong", name: str = "root", page: str = PAGES[0]) -> Any:
    given = {"username": name, "password": password, "next": "/admin/"}
    return Client().post(page, given, REMOTE_ADDR=address)


def later(seconds: float) -> None:
    """Let all tries be so much older."""
    for row in Try.objects.all():
        Try.objects.filter(pk=row.pk).update(at=row.at - seconds)


@pytest.mark.parametrize("page", PAGES)
@pytest.mark.parametrize("address", [STRANGER, HERE, "2001:db8::1"])
def test_five_wrong_passwords_lock_the_pair_of_address_and_name(address: str, page: str) -> None:
    assert [attempt(address, page=page).status_code for _ in range(5)] == [200] * 5
    for each in PAGES:
        locked = attempt(address, "right-password", page=each)
        assert locked.status_code == 429 and 870 < int(locked["Retry-After"]) <= 900
        assert b"Too many wrong passwords" in locked.content and b"15 more" in locked.content
        assert "no-store" in locked["Cache-Control"]
    assert attempt(address, "right-password", name=" ROOT", page=page).status_code == 429
    assert attempt(OTHER, "right-password", page=page).status_code == 302
    later(901)
    assert attempt(address, "right-password", page=page).status_code == 302


def test_another_name_from_there_and_a_neighbour_in_the_same_network() -> None:
    for _ in range(5):
        attempt("2001:db8::1")
    assert attempt("2001:db8::2", "right-password").status_code == 429
    assert attempt("2001:db8:1::2", "right-password").status_code == 302
    assert attempt("2001:db8::1", name="another").status_code == 200


def test_fifty_wrong_passwords_lock_the_address() -> None:
    for number in range(50):
        assert attempt(STRANGER, name=f"name{number}").status_code == 200
    assert attempt(STRANGER, "right-password").status_code == 429
    assert attempt(OTHER, "right-password").status_code == 302


def test_a_forwarding_header_of_a_stranger_is_not_believed() -> None:
    for _ in range(5):
        attempt(STRANGER)
    given = {"username": "root", "password": "right-password"}
    told = {"X-Forwarded-For": OTHER}
    assert Client().post(PAGES[0], given, REMOTE_ADDR=STRANGER, headers=told).status_code == 429


def test_right_passwords_lock_nobody_and_make_the_pair_s_mistakes_forgotten() -> None:
    for _ in range(3):
        for _ in range(4):
            attempt(STRANGER)
        assert attempt(STRANGER, "right-password").status_code == 302
    assert Client().get(PAGES[1], REMOTE_ADDR=STRANGER).status_code == 200


def test_no_row_holds_a_name_that_may_be_a_password(caplog: pytest.LogCaptureFixture) -> None:
    for _ in range(6):
        attempt(STRANGER, name="my-password-in-the-wrong-field")
    kept = repr(list(Try.objects.values())) + repr(list(AuditRow.objects.values())) + caplog.text
    assert "wrong-field" not in kept


def test_logins_failures_and_locks_are_in_the_audit() -> None:
    attempt(HERE, "right-password")
    for _ in range(6):
        attempt(STRANGER)
    told = [(row.action, row.subject, row.who_name, row.peer) for row in AuditRow.objects.order_by("id")]
    assert told[0] == ("login.ok", "person:root", "root", HERE)
    assert told[1:6] == [("login.failed", "person:root", "", STRANGER)] * 5
    assert told[6:] == [("login.locked", "person:root", "", STRANGER)]


def test_a_command_s_login_is_nobody_s_guess() -> None:
    for _ in range(6):
        assert not Client().login(username="root", password="wrong")
    assert attempt(HERE, "right-password").status_code == 302


@pytest.mark.django_db(transaction=True)
def test_of_many_guesses_at_once_the_right_one_is_not_told_either(monkeypatch: pytest.MonkeyPatch) -> None:
    """Five others are judged while the right password is."""
    real, is_first = User.check_password, [True]

    def slow(user: User, password: str) -> bool:
        if is_first.pop() if is_first else False:
            for _ in range(5):
                attempt(STRANGER)
        return real(user, password)

    monkeypatch.setattr(User, "check_password", slow)
    browser = Client()
    given = {"username": "root", "password": "right-password"}
    answer = browser.post(PAGES[1], given, REMOTE_ADDR=STRANGER)
    assert answer.status_code == 429 and "_auth_user_id" not in browser.session


def test_right_passwords_at_once_lock_nobody(monkeypatch: pytest.MonkeyPatch) -> None:
    real, left = User.check_password, [8]

    def slow(user: User, password: str) -> bool:
        left[0] -= 1
        if left[0] > 0:
            assert attempt(STRANGER, "right-password").status_code == 302
        return real(user, password)

    monkeypatch.setattr(User, "check_password", slow)
    assert attempt(STRANGER, "right-password").status_code == 302
