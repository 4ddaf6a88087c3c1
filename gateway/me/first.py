"""Show `/setup/<secret>`, where the first admin gives her address and password."""

from __future__ import annotations

from django.contrib.auth import login
from django.http import HttpRequest, HttpResponse, HttpResponseBase
from django.shortcuts import redirect
from django.views.decorators.http import require_http_methods

from gateway.access import logins, principals
from gateway.access.guards import address_of
from gateway.me.base import problem, shown, words_of
from tokens.errors import TokenError
from tokens.people import first
from tokens.people.errors import LinkGone

BACKEND = "django.contrib.auth.backends.ModelBackend"
CONSOLE = "/console/"


@require_http_methods(["GET", "HEAD", "POST"])
def setup(request: HttpRequest, secret: str) -> HttpResponseBase:
    """Answer the form, which uses nothing up; a POST makes the admin, once, and logs her in."""
    if not first.is_open(secret):
        return _gone(request)
    if request.method != "POST":
        return shown(request, "setup", {"email": ""})
    email, password = request.POST.get("email", ""), request.POST.get("password", "")
    try:
        user = first.make_admin(
            secret, email, password, principal=principals.of_caller_login(address_of(request))
        )
    except LinkGone:
        return _gone(request)
    except TokenError as exc:
        return shown(request, "setup", {"email": email[:255], "error": words_of(exc)})
    login(request, user, BACKEND)
    logins.record(request, "login.ok", "set-up link")
    return redirect(CONSOLE)


def _gone(request: HttpRequest) -> HttpResponse:
    words = (
        "It was used, it is too old, or there is an admin already. `router setup-link` prints a fresh one."
    )
    response = problem(request, 404, "This link does not work", words)
    response._has_been_logged = True  # type: ignore[attr-defined]  # its secret stands in the path
    return response
