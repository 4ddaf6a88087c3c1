"""Guard Django's views and django-ninja's operations with the one `Gate` of this process."""

from __future__ import annotations

import time
from collections.abc import Callable
from functools import cache, wraps
from typing import Any

from django.conf import settings
from django.contrib.auth.views import redirect_to_login
from django.http import HttpRequest, HttpResponse, HttpResponseBase
from ninja.utils import check_csrf

from gateway.access import permissions, principals
from gateway.access.gate import KEY_REQUIRED, KEY_REQUIRED_TO_ISSUE, AccessDenied, Caller, Gate, GateOptions
from gateway.kernel.principal import ATTRIBUTE, Principal, PrincipalKind
from gateway.relay import errors
from providers.dialects.types import Failure, FailureKind, WireAnswer

ISSUE_PATH = "/api/tokens"
LOOK = "gateway.view_dailyusage"
"""The permission of a login for what operators' tools read: every role of staff has it."""
SAFE_METHODS = frozenset({"GET", "HEAD", "OPTIONS", "TRACE"})


@cache
def gate() -> Gate:
    """Return this process's gate, made from the settings at the first call."""
    options = settings.GATEWAY
    gate_options = GateOptions(
        key=options.TOKEN_ADMIN_KEY,
        bind_host=options.ROUTER_HOST,
        allow_anonymous=options.ALLOW_ANONYMOUS_ADMIN,
        trusted_proxies=options.TRUSTED_PROXIES,
    )
    return Gate(gate_options, time.monotonic)


def caller_of(request: HttpRequest) -> Caller:
    """Return the caller with its headers as Django knows them: lower case, repeated ones joined by commas."""
    headers = tuple(
        (name.lower().encode(), value.encode("latin-1", "replace")) for name, value in request.headers.items()
    )
    return Caller(request.META.get("REMOTE_ADDR") or "", request.method or "", headers)


def address_of(request: HttpRequest) -> str:
    """Return the address of the far end, with the proxies that we trust taken away."""
    return gate().peer(caller_of(request)).address


def admit(request: HttpRequest) -> Principal:
    """Return for an administrator: who it is. Raises `AccessDenied` for anybody else."""
    if _is_staff(request):
        if request.method not in SAFE_METHODS and check_csrf(request) is not None:
            raise AccessDenied(
                Failure(FailureKind.PERMISSION, "CSRF check failed: send X-CSRFToken with the session")
            )
        return principals.of_login(request, address_of(request), "api")
    is_issue = request.method == "POST" and request.path == ISSUE_PATH
    caller = caller_of(request)
    gate().admit(caller, message=KEY_REQUIRED_TO_ISSUE if is_issue else KEY_REQUIRED)
    return principals.of_caller(gate().kind_of(caller), gate().peer(caller).address)


def _is_staff(request: HttpRequest) -> bool:
    """Tell whether a staff member is logged in; asked only with a session cookie and no key: others cost no look-up."""
    if settings.SESSION_COOKIE_NAME not in request.COOKIES:
        return False
    if request.headers.get("Authorization", "").startswith("Bearer "):
        return False
    return request.user.is_active and request.user.is_staff


class AdminAuth:
    """Close the management API to everybody but administrators: django-ninja's `auth=`."""

    openapi_security_schema = {"type": "http", "scheme": "bearer", "description": "TOKEN_ADMIN_KEY"}

    def __call__(self, request: HttpRequest) -> bool:
        """Admit an administrator and note who it is; a login also needs the permission of the operation."""
        principal = admit(request)
        if principal.kind is PrincipalKind.STAFF:
            permissions.check(request.user, permissions.operation_of(request))
        setattr(request, ATTRIBUTE, principal)
        return True


View = Callable[..., HttpResponseBase]


def admin_required(view: View) -> View:
    """Wrap a plain Django view so that it answers administrators only.

    Others get the API's own error; somebody at a browser is led to the login and back.
    """

    @wraps(view)
    def guarded(request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponseBase:
        try:
            if admit(request).kind is PrincipalKind.STAFF and not request.user.has_perm(LOOK):
                raise AccessDenied(Failure(FailureKind.PERMISSION, f"needs the permission {LOOK}"))
        except AccessDenied as exc:
            if exc.failure.kind is FailureKind.AUTHENTICATION and _is_browser(request):
                return redirect_to_login(request.get_full_path(), "admin:login")
            return failure_response(exc)
        return view(request, *args, **kwargs)

    return guarded


def documents(view: View) -> View:
    """Wrap the documents of the API: for administrators, or with API_DOCS_PUBLIC for everybody."""
    closed = admin_required(view)

    @wraps(view)
    def shown(request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponseBase:
        return (view if settings.GATEWAY.API_DOCS_PUBLIC else closed)(request, *args, **kwargs)

    return shown


def _is_browser(request: HttpRequest) -> bool:
    """Tell whether a page is preferred and no key was sent: programs take anything, or JSON."""
    return (
        "Authorization" not in request.headers
        and request.get_preferred_type(["application/json", "text/html"]) == "text/html"
    )


def failure_response(exc: Exception) -> HttpResponse:
    """Return what was raised as the management API tells it."""
    status, failure = errors.describe(exc)
    return to_django(errors.render(status, failure, "anthropic", None))


def to_django(answer: WireAnswer) -> HttpResponse:
    response = HttpResponse(answer.body, status=answer.status)
    for name, value in answer.headers:
        response[name.decode()] = value.decode("latin-1")
    return response
