"""Know the address under which people reach us, and serve signing in there alone."""

from __future__ import annotations

from collections.abc import Callable
from functools import wraps
from urllib.parse import urlsplit

from django.conf import settings
from django.http import HttpRequest, HttpResponseBase

from gateway.access.guards import caller_of, failure_response, gate
from providers.dialects.types import Failure, FailureKind

View = Callable[[HttpRequest], HttpResponseBase]


class NotServedHere(Exception):
    """Signing in is not served to this caller."""

    failure = Failure(FailureKind.NOT_FOUND, "Not found: people sign in at PUBLIC_URL, which is not set")


def base_of(request: HttpRequest) -> str:
    """Return our address, without a slash at its end; "" where nobody can sign in.

    Without PUBLIC_URL that is this machine's Host, for a caller on this machine alone: what a stranger's Host names
    would be where the bearers go.
    """
    public: str = settings.GATEWAY.PUBLIC_URL
    if public:
        return public.rstrip("/")
    if not gate().is_from_here(caller_of(request)):
        return ""
    return f"{request.scheme}://{request.get_host()}"


def host_of(base: str) -> str:
    return urlsplit(base).netloc


def served(view: View) -> View:
    """Wrap a view so that it is there only where people can sign in."""

    @wraps(view)
    def where_served(request: HttpRequest) -> HttpResponseBase:
        if not base_of(request):
            return failure_response(NotServedHere())
        return view(request)

    return where_served
