"""Tell which sessions are still good, many at once: for connections that outlive the request that opened them."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from django.contrib.auth import HASH_SESSION_KEY, SESSION_KEY
from django.contrib.auth.models import User
from django.contrib.sessions.models import Session
from django.db import connection
from django.db.models import Q, QuerySet
from django.db.models.functions import Now
from django.utils.crypto import constant_time_compare

May = Callable[[Any], bool]
"""Tells of a login whether it may."""


def holders(permission: str) -> QuerySet[User]:
    """Return who of the staff has a permission (`app.codename`), as `has_perm` tells: in one query for all of them.

    Django's own `with_perm` looks anew for each login.
    """
    app, _, name = permission.partition(".")
    groups = {"group__permissions__codename": name, "group__permissions__content_type__app_label": app}
    own = {"permission__codename": name, "permission__content_type__app_label": app}
    return User.objects.filter(is_active=True, is_staff=True).filter(
        Q(is_superuser=True)
        | Q(pk__in=User.groups.through.objects.filter(**groups).values("user_id"))
        | Q(pk__in=User.user_permissions.through.objects.filter(**own).values("user_id"))
    )


@dataclass(slots=True)
class _Session:
    """What a session says of its login, and the stored password with which that has been found to hold."""

    user: int
    told: str
    password: str | None = None


@dataclass(frozen=True, slots=True)
class _Query:
    """A query in words: putting it together again each second would cost ten times what it does."""

    sql: str
    values: tuple[Any, ...]

    @classmethod
    def of(cls, rows: QuerySet[Any, Any]) -> _Query:
        return cls(*rows.query.sql_with_params())

    def run(self) -> list[tuple[Any, ...]]:
        with connection.cursor() as cursor:
            cursor.execute(self.sql, self.values)
            found: list[tuple[Any, ...]] = cursor.fetchall()
            return found


class Watched:
    """Sessions that are asked about again and again. `allowed` gives the logins that may. For one thread at a time."""

    def __init__(self, allowed: Callable[[], QuerySet[User]]) -> None:
        self._allowed = allowed
        self._known: dict[str, _Session] = {}
        self._keys: frozenset[str] | None = None

    def alive(self, keys: frozenset[str]) -> set[str]:
        """Return those that are logged in and whose login may: two queries, one more when others are asked about."""
        if keys != self._keys:
            self._prepare(keys)
        if not self._known:
            return set()
        there = [key for (key,) in self._sessions.run() if key in self._known]
        passwords: dict[int, str] = dict(self._logins.run()) if there else {}
        return {key for key in there if _holds(self._known[key], passwords)}

    def _prepare(self, keys: frozenset[str]) -> None:
        """Read what is new: under one key it is always one login's, since Django gives another key to another."""
        known = {key: told for key, told in self._known.items() if key in keys}
        for row in Session.objects.filter(session_key__in=keys - known.keys()):
            data = row.get_decoded()
            user, told = str(data.get(SESSION_KEY, "")), str(data.get(HASH_SESSION_KEY, ""))
            if user.isdecimal():
                known[row.session_key] = _Session(int(user), told)
        self._known, self._keys = known, keys
        if not known:
            return
        there = Session.objects.filter(session_key__in=known, expire_date__gt=Now())
        logins = self._allowed().filter(pk__in={each.user for each in known.values()})
        self._sessions = _Query.of(there.order_by().values_list("pk"))
        self._logins = _Query.of(logins.order_by().values_list("pk", "password"))


def _holds(session: _Session, passwords: dict[int, str]) -> bool:
    """Tell whether the login may, and the password is still the one that the session was opened with."""
    password = passwords.get(session.user)
    if password is None:
        return False
    if password != session.password:
        user = User(password=password)
        hashes = (user.get_session_auth_hash(), *user.get_session_auth_fallback_hash())
        if not any(constant_time_compare(session.told, each) for each in hashes):
            return False
        session.password = password
    return True
