"""The gate at Django's and django-ninja's doors: one `Gate` for this process, in front of views and operations."""

from __future__ import annotations

import time
from collections.abc import Callable
from functools import cache, wraps
from typing import Any

from django.conf import settings
from django.http import HttpRequest, HttpResponse, HttpResponseBase
from ninja.utils import check_csrf

from gateway import errors
from gateway.access import KEY_REQUIRED, KEY_REQUIRED_TO_ISSUE, AccessDenied, Caller, Gate, GateOptions
from providers.dialects.types import Failure, FailureKind, WireAnswer

ISSUE_PATH = "/api/tokens"
_SAFE_METHODS = frozenset({"GET", "HEAD", "OPTIONS", "TRACE"})


@cache
def gate() -> Gate:
    """This process's gate, made from the settings at the first call."""
    options = GateOptions(
        key=settings.TOKEN_ADMIN_KEY,
        bind_host=settings.ROUTER_HOST,
        allow_anonymous=settings.ALLOW_ANONYMOUS_ADMIN,
        trusted_proxies=settings.TRUSTED_PROXIES,
    )
    return Gate(options, time.monotonic)


def caller_of(request: HttpRequest) -> Caller:
    """Headers as Django knows them: lower case, repeated ones joined by commas."""
    headers = tuple(
        (name.lower().encode(), value.encode("latin-1", "replace")) for name, value in request.headers.items()
    )
    return Caller(request.META.get("REMOTE_ADDR") or "", request.method or "", headers)


def admit(request: HttpRequest) -> None:
    """Returns for an administrator: admin key or staff session. Raises `AccessDenied`."""
    if _is_staff(request):
        if request.method not in _SAFE_METHODS and check_csrf(request) is not None:
            raise AccessDenied(
                Failure(FailureKind.PERMISSION, "CSRF check failed: send X-CSRFToken with the session")
            )
        return
    is_issue = request.method == "POST" and request.path == ISSUE_PATH
    gate().admit(caller_of(request), message=KEY_REQUIRED_TO_ISSUE if is_issue else KEY_REQUIRED)


def _is_staff(request: HttpRequest) -> bool:
    """Asked only when there is a session cookie, so that other callers cost no look-up."""
    if settings.SESSION_COOKIE_NAME not in request.COOKIES:
        return False
    return request.user.is_active and request.user.is_staff


class AdminAuth:
    """django-ninja's `auth=` for the management API."""

    openapi_security_schema = {"type": "http", "scheme": "bearer", "description": "TOKEN_ADMIN_KEY"}

    def __call__(self, request: HttpRequest) -> bool:
        admit(request)
        return True


View = Callable[..., HttpResponseBase]


def admin_required(view: View) -> View:
    """A plain Django view that answers administrators only; others get the API's own error."""

    @wraps(view)
    def guarded(request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponseBase:
        try:
            admit(request)
        except AccessDenied as exc:
            return failure_response(exc)
        return view(request, *args, **kwargs)

    return guarded


def failure_response(exc: Exception) -> HttpResponse:
    """What was raised, as the management API tells it."""
    status, failure = errors.describe(exc)
    return to_django(errors.render(status, failure, "anthropic", None))


def to_django(answer: WireAnswer) -> HttpResponse:
    response = HttpResponse(answer.body, status=answer.status)
    for name, value in answer.headers:
        response[name.decode()] = value.decode("latin-1")
    return response
