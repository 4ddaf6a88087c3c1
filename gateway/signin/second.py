"""Ask for the code of somebody's second factor, behind the lock of passwords."""

from __future__ import annotations

from django.contrib.auth import login
from django.contrib.auth.models import User
from django.http import HttpRequest, HttpResponseBase
from django.shortcuts import redirect
from django.views.decorators.http import require_http_methods

from gateway.access import logins
from gateway.console.pages.base import login_address
from gateway.signin import codes, pages
from gateway.signin.logins import locked
from gateway.signin.turns import in_turn
from tokens.totp import services as totp

BACKEND = "django.contrib.auth.backends.ModelBackend"
BY = "password and code"


@in_turn
@require_http_methods(["GET", "HEAD", "POST"])
def code(request: HttpRequest) -> HttpResponseBase:
    """Answer `/login/code`. Who has not given her password is led to where she can."""
    user = codes.waiting(request)
    if user is None:
        return redirect(login_address(request))
    attempt = logins.Attempt(codes.typed(request), BY, locked)
    return logins.locking(request, lambda asked: _answered(asked, user), attempt)


def _answered(request: HttpRequest, user: User) -> HttpResponseBase:
    if request.method != "POST":
        return pages.shown(request, "code", {})
    if not totp.is_right(user, request.POST.get(totp.FIELD, "")):
        error = "This is not the code of this moment. Wait for the next one, and type it before it changes."
        return pages.shown(request, "code", {"error": error})
    after = codes.done(request)
    login(request, user, BACKEND)
    return redirect(after)
