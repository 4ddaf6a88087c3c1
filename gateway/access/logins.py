"""Logins by password, behind their lock: who guesses is kept out for a while, and every login is in the audit.

Five wrong passwords or codes for one name from one address lock that pair, fifty from one address lock the address,
each for LOGIN_LOCK_SECONDS; this machine too. Nobody can lock the owner of a name out of other addresses.
"""

from __future__ import annotations

import hashlib
import time
from collections.abc import Callable
from dataclasses import dataclass

from django.conf import settings
from django.contrib.auth import logout
from django.contrib.auth.models import User
from django.db import transaction
from django.http import HttpRequest, HttpResponse, HttpResponseBase

from gateway.access import principals
from gateway.access.gate import bucket_of
from gateway.access.guards import address_of
from gateway.kernel import audit
from gateway.tries import counting
from gateway.tries.counting import Rule, TooMany

LONGEST_NAME = 254
FIELD = "username"
AWAITS_CODE = "awaits_code"
OF_PAIR, OF_ADDRESS = 5, 50

View = Callable[[HttpRequest], HttpResponseBase]
Kept = tuple[tuple[Rule, str], ...]
Locked = Callable[[HttpRequest, TooMany], HttpResponse]


@dataclass(frozen=True, slots=True)
class Attempt:
    """A login that is tried: for whom, with what, and the page that tells when it is locked."""

    name: str
    by: str
    locked: Locked


def locking(request: HttpRequest, view: View, attempt: Attempt) -> HttpResponseBase:
    """Call a page that logs in, unless that is locked: then `attempt.locked` tells so. Its failures count.

    Of many passwords tried at once none that was judged after the lock is answered otherwise than by it.
    """
    if request.method != "POST":
        return view(request)
    kept = _kept(request, attempt.name)
    try:
        counting.check(kept, time.time())
        response = view(request)
        if getattr(response, AWAITS_CODE, False):
            counting.check(kept, time.time())
        elif request.user.is_authenticated and response.status_code in (302, 303):
            _succeed(request, kept, attempt.by)
        else:
            _fail(request, kept, attempt.name)
    except TooMany as exc:
        return attempt.locked(request, exc)
    return response


def proved(request: HttpRequest, name: str, is_right: Callable[[], bool]) -> bool:
    """Tell whether somebody who is logged in has given a right code, behind the same lock. Raises `TooMany`."""
    kept = _kept(request, name)
    counting.check(kept, time.time())
    if not is_right():
        _fail(request, kept, name)
        return False
    counting.check(kept, time.time())  # of many at once none that was judged after the lock
    counting.forget(kept[:1])
    return True


def awaiting_code(response: HttpResponse) -> HttpResponse:
    """Mark the answer to a right password whose person is asked for a code next: she is not logged in, nor refused."""
    setattr(response, AWAITS_CODE, True)
    return response


def _succeed(request: HttpRequest, kept: Kept, by: str) -> None:
    try:
        counting.check(kept, time.time())
    except TooMany:
        logout(request)
        raise
    counting.forget(kept[:1])
    record(request, "login.ok", by)


def _fail(request: HttpRequest, kept: Kept, name: str) -> None:
    principal = principals.of_caller_login(address_of(request))
    known = User.objects.filter(username__iexact=name.replace("\0", "")).first()
    subject = f"person:{'' if known is None else principals.name_of(known)}"
    counting.count(kept, time.time())
    with transaction.atomic():
        audit.record(principal, "login.failed", subject, None, None)
        try:
            counting.check(kept, time.time())
        except TooMany:
            audit.record(principal, "login.locked", subject, None, None)


def record(request: HttpRequest, action: str, how: str) -> None:
    """Record a login or logout of who is logged in now."""
    principal = principals.of_login(request, address_of(request), "login")
    with transaction.atomic():
        audit.record(principal, action, f"person:{principal.name}", None, {"by": how})


def _kept(request: HttpRequest, name: str) -> Kept:
    """Return both rules with their keys: the pair first. A name may be a password in the wrong field: it is hashed."""
    seconds = settings.GATEWAY.LOGIN_LOCK_SECONDS
    address = bucket_of(address_of(request))
    hashed = hashlib.sha256(name.casefold().encode("utf-8", "replace")).hexdigest()[:32]
    return (
        (Rule("login-pair", OF_PAIR, seconds, is_lock=True), f"{address} {hashed}"),
        (Rule("login-address", OF_ADDRESS, seconds, is_lock=True), address),
    )


def name_in(request: HttpRequest) -> str:
    """Return the name that was typed into a form of a login."""
    return str(request.POST.get(FIELD, "")).strip()[:LONGEST_NAME]
