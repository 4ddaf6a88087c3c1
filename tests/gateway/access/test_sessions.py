"""Which sessions are still good."""

from __future__ import annotations

from datetime import timedelta

import pytest
from django.contrib.auth.models import User
from django.contrib.sessions.models import Session
from django.test import Client
from django.utils import timezone

from gateway.access import sessions

pytestmark = pytest.mark.django_db


def opened(user: User) -> tuple[Client, str]:
    client = Client()
    client.force_login(user)
    return client, str(client.session.session_key)


def somebody(**values: bool) -> User:
    return User.objects.create_user(f"u{User.objects.count()}", password="a password", **values)


def is_alive(key: str) -> bool:
    return key in sessions.alive({key}, lambda user: user.is_staff)


def test_many_are_told_at_once() -> None:
    good, other = opened(somebody(is_staff=True))[1], opened(somebody())[1]
    assert sessions.alive({good, other, "unknown"}, lambda user: user.is_staff) == {good}
    assert sessions.alive(set(), lambda _: True) == set()


def test_who_has_logged_out() -> None:
    client, key = opened(somebody(is_staff=True))
    assert is_alive(key)
    client.logout()
    assert not is_alive(key)


@pytest.mark.parametrize("change", ["is_staff", "is_active", "password", "gone", "expired"])
def test_what_ends_it(change: str) -> None:
    user = somebody(is_staff=True)
    _, key = opened(user)
    if change == "gone":
        user.delete()
    elif change == "expired":
        Session.objects.filter(pk=key).update(expire_date=timezone.now() - timedelta(seconds=1))
    elif change == "password":
        user.set_password("another password")
        user.save()
    else:
        User.objects.filter(pk=user.pk).update(**{change: False})
    assert not is_alive(key)


def test_a_session_of_nobody_is_none() -> None:
    client = Client()
    session = client.session
    session["x"] = 1
    session.save()
    assert not is_alive(str(session.session_key))
