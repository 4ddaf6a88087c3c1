"""What an issuer gave at a login vouches for one sign-in."""

from __future__ import annotations

from typing import Any

from django.test import RequestFactory

from gateway.signin import sessions


def request() -> Any:
    made = RequestFactory().get("/")
    made.session = {}
    return made


def test_it_is_kept_encrypted_and_given_once() -> None:
    made = request()
    assert not sessions.is_spent(made) and sessions.spend(made) == ""
    sessions.keep(made, "rt-of-the-issuer")
    assert "rt-of-the-issuer" not in repr(made.session) and not sessions.is_spent(made)
    assert sessions.spend(made) == "rt-of-the-issuer"
    assert sessions.is_spent(made) and sessions.spend(made) == ""


def test_a_new_login_begins_anew() -> None:
    made = request()
    sessions.keep(made, "old")
    sessions.spend(made)
    sessions.drop(made)
    assert not sessions.is_spent(made)


def test_what_does_not_open_is_nothing() -> None:
    made = request()
    made.session[sessions.KEY] = "gcm1:AAAA"
    assert sessions.spend(made) == ""
