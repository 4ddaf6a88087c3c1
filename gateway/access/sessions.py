"""Tell which sessions are still good, many at once: for connections that outlive the request that opened them."""

from __future__ import annotations

from collections.abc import Callable, Collection
from typing import Any

from django.contrib.auth import HASH_SESSION_KEY, SESSION_KEY
from django.contrib.auth.models import User
from django.contrib.sessions.models import Session
from django.utils import timezone
from django.utils.crypto import constant_time_compare

May = Callable[[Any], bool]
"""Tells of a login whether it may."""


def alive(keys: Collection[str], may: May) -> set[str]:
    """Return those of the sessions that are logged in and whose login may; two queries, and its own of each login."""
    rows = Session.objects.filter(session_key__in=keys, expire_date__gt=timezone.now())
    found = {row.session_key: row.get_decoded() for row in rows}
    users = User.objects.in_bulk({data[SESSION_KEY] for data in found.values() if SESSION_KEY in data})
    known = {str(pk): user for pk, user in users.items() if user.is_active}
    allowed = {pk for pk, user in known.items() if may(user)}
    return {
        key
        for key, data in found.items()
        if data.get(SESSION_KEY) in allowed and _is_of(data, known[data[SESSION_KEY]])
    }


def _is_of(data: dict[str, Any], user: User) -> bool:
    """Tell whether the password is still the one that the session was opened with."""
    told = str(data.get(HASH_SESSION_KEY, ""))
    hashes = (user.get_session_auth_hash(), *user.get_session_auth_fallback_hash())
    return any(constant_time_compare(told, each) for each in hashes)
