"""Logins by password, behind their lock: who guesses is kept out for a while, and every login is in the audit.

Five wrong passwords for one name from one address lock that pair, fifty from one address lock the address, each for
LOGIN_LOCK_SECONDS; this machine too. Nobody can lock the owner of a name out of other addresses.
"""

from __future__ import annotations

import hashlib
import math
import time
from collections.abc import Callable

from django.conf import settings
from django.contrib import admin
from django.contrib.auth import logout
from django.contrib.auth.models import User
from django.db import transaction
from django.http import HttpRequest, HttpResponse, HttpResponseBase
from django.template.response import TemplateResponse
from django.views.decorators.cache import never_cache

from gateway.access import principals
from gateway.access.gate import bucket_of
from gateway.access.guards import address_of
from gateway.kernel import audit
from gateway.tries import counting
from gateway.tries.counting import Rule, TooMany

LONGEST_NAME = 254
FIELD = "username"
OF_PAIR, OF_ADDRESS = 5, 50

View = Callable[[HttpRequest], HttpResponseBase]
Kept = tuple[tuple[Rule, str], ...]
Locked = Callable[[HttpRequest, TooMany], HttpResponse]


def login(request: HttpRequest) -> HttpResponseBase:
    """Django's own page of the admin; 429 while the pair or the address is locked, whatever the password is."""
    return locking(request, admin.site.login, locked)


def locking(request: HttpRequest, view: View, answer: Locked) -> HttpResponseBase:
    """Call a page that logs in, unless that is locked: then `answer` tells so. Its failures count.

    Of many passwords tried at once none that was judged after the lock is answered otherwise than by it.
    """
    if request.method != "POST":
        return view(request)
    kept = _kept(request)
    try:
        counting.check(kept, time.time())
        response = view(request)
        if request.user.is_authenticated and response.status_code in (302, 303):
            _succeed(request, kept)
        else:
            _fail(request, kept)
    except TooMany as exc:
        return answer(request, exc)
    return response


def _succeed(request: HttpRequest, kept: Kept) -> None:
    try:
        counting.check(kept, time.time())
    except TooMany:
        logout(request)
        raise
    counting.forget(kept[:1])
    record(request, "login.ok", "password")


def _fail(request: HttpRequest, kept: Kept) -> None:
    principal = principals.of_caller_login(address_of(request))
    known = User.objects.filter(username__iexact=_name(request).replace("\0", "")).first()
    subject = f"person:{'' if known is None else principals.name_of(known)}"
    counting.count(kept, time.time())
    with transaction.atomic():
        audit.record(principal, "login.failed", subject, None, None)
        try:
            counting.check(kept, time.time())
        except TooMany:
            audit.record(principal, "login.locked", subject, None, None)


@never_cache
def locked(request: HttpRequest, exc: TooMany) -> HttpResponse:
    """Answer on the admin's login that nobody may try at the moment."""
    minutes = math.ceil(exc.wait_seconds / 60)
    context = {**admin.site.each_context(request), "title": "Locked", "minutes": minutes}
    response = TemplateResponse(request, "admin/gateway/locked.html", context, status=429)
    response["Retry-After"] = str(exc.wait_seconds)
    return response


def record(request: HttpRequest, action: str, how: str) -> None:
    """Record a login or logout of who is logged in now."""
    principal = principals.of_login(request, address_of(request), "login")
    with transaction.atomic():
        audit.record(principal, action, f"person:{principal.name}", None, {"by": how})


def _kept(request: HttpRequest) -> Kept:
    """Return both rules with their keys: the pair first. A name may be a password in the wrong field: it is hashed."""
    seconds = settings.GATEWAY.LOGIN_LOCK_SECONDS
    address = bucket_of(address_of(request))
    name = _name(request).casefold().encode("utf-8", "replace")
    pair = f"{address} {hashlib.sha256(name).hexdigest()[:32]}"
    return (
        (Rule("login-pair", OF_PAIR, seconds, is_lock=True), pair),
        (Rule("login-address", OF_ADDRESS, seconds, is_lock=True), address),
    )


def _name(request: HttpRequest) -> str:
    return str(request.POST.get(FIELD, "")).strip()[:LONGEST_NAME]
