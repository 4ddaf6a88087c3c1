"""Which sessions are still good."""

from __future__ import annotations

from datetime import timedelta

import pytest
from django.contrib.auth.models import Group, Permission, User
from django.contrib.sessions.models import Session
from django.db.models import QuerySet
from django.test import Client
from django.utils import timezone
from pytest_django import DjangoAssertNumQueries

from gateway.access import sessions
from gateway.access.sessions import Watched

pytestmark = pytest.mark.django_db


def opened(user: User) -> tuple[Client, str]:
    client = Client()
    client.force_login(user)
    return client, str(client.session.session_key)


def somebody(**values: bool) -> User:
    return User.objects.create_user(f"u{User.objects.count()}", password="a password", **values)


def of_staff() -> QuerySet[User]:
    return User.objects.filter(is_staff=True, is_active=True)


def is_alive(key: str) -> bool:
    return key in Watched(of_staff).alive(frozenset({key}))


def test_many_are_told_at_once() -> None:
    good, other = opened(somebody(is_staff=True))[1], opened(somebody())[1]
    watched = Watched(of_staff)
    assert watched.alive(frozenset({good, other, "unknown"})) == {good}
    assert watched.alive(frozenset()) == set()


def test_asking_again_is_two_queries(django_assert_num_queries: DjangoAssertNumQueries) -> None:
    keys = frozenset(opened(somebody(is_staff=True))[1] for _ in range(5))
    watched = Watched(of_staff)
    assert watched.alive(keys) == keys
    with django_assert_num_queries(2):
        assert watched.alive(keys) == keys
    one = opened(somebody(is_staff=True))[1]
    with django_assert_num_queries(3):
        assert watched.alive(keys | {one}) == keys | {one}


@pytest.mark.parametrize("change", ["is_staff", "is_active", "password", "gone", "expired", "logged out"])
def test_what_ends_it_while_it_is_watched(change: str) -> None:
    user = somebody(is_staff=True)
    client, key = opened(user)
    watched, stays = Watched(of_staff), opened(somebody(is_staff=True))[1]
    keys = frozenset({key, stays})
    assert watched.alive(keys) == keys
    end(change, user, client, key)
    assert watched.alive(keys) == {stays}


@pytest.mark.parametrize("role", ["viewer", "operator", "admin", "developer", None])
@pytest.mark.parametrize("values", [{"is_staff": True}, {}, {"is_staff": True, "is_superuser": True}])
def test_holders_are_those_who_have_the_permission(role: str | None, values: dict[str, bool]) -> None:
    user = somebody(**values)
    user.groups.set(Group.objects.filter(name=f"role:{role}"))
    for permission in ("gateway.view_exchangerow", "gateway.view_auditrow", "gateway.nothing"):
        fresh = User.objects.get(pk=user.pk)
        may = fresh.is_staff and fresh.has_perm(permission)
        assert sessions.holders(permission).filter(pk=user.pk).exists() is may


def test_a_permission_of_ones_own_counts() -> None:
    user = somebody(is_staff=True)
    user.user_permissions.add(Permission.objects.get(codename="view_auditrow"))
    assert sessions.holders("gateway.view_auditrow").get() == user
    assert not sessions.holders("gateway.view_exchangerow").exists()


def test_who_has_logged_out() -> None:
    client, key = opened(somebody(is_staff=True))
    assert is_alive(key)
    client.logout()
    assert not is_alive(key)


def end(change: str, user: User, client: Client, key: str) -> None:
    if change == "gone":
        user.delete()
    elif change == "expired":
        Session.objects.filter(pk=key).update(expire_date=timezone.now() - timedelta(seconds=1))
    elif change == "password":
        user.set_password("another password")
        user.save()
    elif change == "logged out":
        client.logout()
    else:
        User.objects.filter(pk=user.pk).update(**{change: False})


@pytest.mark.parametrize("change", ["is_staff", "is_active", "password", "gone", "expired"])
def test_what_ends_it(change: str) -> None:
    user = somebody(is_staff=True)
    client, key = opened(user)
    end(change, user, client, key)
    assert not is_alive(key)


def test_a_session_of_nobody_is_none() -> None:
    client = Client()
    session = client.session
    session["x"] = 1
    session.save()
    assert not is_alive(str(session.session_key))
