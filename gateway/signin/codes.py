"""Remember, in a browser's session, whose password was right and who still has to give a code."""

from __future__ import annotations

import time

from django.contrib.auth.models import User
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.utils.crypto import constant_time_compare

PATH = "/login/code"
KEY = "signin.code"
SECONDS = 600.0


def asked(request: HttpRequest, user: User, typed: str, after: str) -> HttpResponse:
    """Lead to the page that asks for a code. `typed`: the name as it was given, whose wrong codes count."""
    request.session.cycle_key()
    request.session[KEY] = {
        "user": user.pk,
        "hash": user.get_session_auth_hash(),
        "typed": typed,
        "after": after,
        "at": time.time(),
    }
    return redirect(PATH)


def waiting(request: HttpRequest) -> User | None:
    """Return who has to give a code; None after ten minutes, and once her password or access has changed."""
    kept = request.session.get(KEY)
    if not isinstance(kept, dict) or time.time() - kept["at"] > SECONDS:
        return None
    user = User.objects.filter(pk=kept["user"], is_active=True).first()
    if user is None or not constant_time_compare(kept["hash"], user.get_session_auth_hash()):
        return None
    return user


def typed(request: HttpRequest) -> str:
    """Return the name as it was given with the password."""
    return str((request.session.get(KEY) or {}).get("typed", ""))


def done(request: HttpRequest) -> str:
    """Forget that somebody was waiting; return where she wanted to go."""
    return str(request.session.pop(KEY, {}).get("after", "/"))
