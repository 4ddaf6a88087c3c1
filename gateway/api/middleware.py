"""Middleware of every answer on Django's side: request ids, HEAD, cookies, errors as JSON."""

from __future__ import annotations

import re
from collections.abc import Awaitable, Callable
from contextvars import Token
from inspect import iscoroutinefunction
from typing import Any, cast
from urllib.parse import urlsplit

from django.conf import settings
from django.http import HttpRequest, HttpResponse
from django.http.response import HttpResponseBase
from django.utils.decorators import sync_and_async_middleware
from django.utils.deprecation import MiddlewareMixin

from gateway.access import guards, principals
from gateway.api import problems
from gateway.kernel.principal import ATTRIBUTE
from gateway.relay import errors
from gateway.telemetry import logs, request_ids
from providers.dialects.types import Failure, FailureKind

FOR_ADMINS = "/admin/"
OF_PEOPLE = ("/console/", "/me/")
WITH_SECRETS = ("/setup/", "/handover/")
FOR_SIGNING_IN = (*WITH_SECRETS, "/login/", "/logout/", "/device", "/oauth/oidc", "/oauth/callback")
FOR_PEOPLE = (FOR_ADMINS, *OF_PEOPLE, *FOR_SIGNING_IN)
"""Begin the paths of pages: what goes wrong there is told as a page, too."""
WARM_UP = "/api/hello"  # a surface, and HEAD is all it knows
_KINDS = {status: kind for kind, status in errors.STATUSES.items()}
_TEXTS = {400: "Bad request", 403: "Forbidden", 404: "Not found", 500: "Internal error"}


Sync = Callable[[HttpRequest], HttpResponseBase]
Async = Callable[[HttpRequest], Awaitable[HttpResponseBase]]


@sync_and_async_middleware
def request_id_middleware(get_response: Sync | Async) -> Sync | Async:
    """Put the request's id on every answer and log line of Django's side, as the relay does on its own."""
    if iscoroutinefunction(get_response):
        inner = cast(Async, get_response)

        async def with_id(request: HttpRequest) -> HttpResponseBase:
            token = _begin(request)
            try:
                return _identified(request, await inner(request))
            finally:
                request_ids.current.reset(token)

        return with_id

    plain = cast(Sync, get_response)

    def with_id_in_thread(request: HttpRequest) -> HttpResponseBase:
        token = _begin(request)
        try:
            return _identified(request, plain(request))
        finally:
            request_ids.current.reset(token)

    return with_id_in_thread


def _begin(request: HttpRequest) -> Token[str]:
    own_id = request_ids.request_id()
    request.META[logs.ID_IN_META] = own_id  # for what Django logs of the request later, elsewhere
    return request_ids.current.set(own_id)


def _identified(request: HttpRequest, response: HttpResponseBase) -> HttpResponseBase:
    """Give the answer its id. One that the relay has given counts, also for what Django still logs."""
    name = request_ids.HEADER.decode()
    if name in response.headers:
        request.META[logs.ID_IN_META] = response.headers[name]
    else:
        response.headers[name] = request.META[logs.ID_IN_META]
    return response


POLICY = "; ".join(
    f"{name} {sources}"
    for name, sources in {
        "default-src": "'self'",
        "script-src": "'self'",
        "style-src": "'self'",
        "img-src": "'self' data:",
        "connect-src": "'self'",
        "object-src": "'none'",
        "base-uri": "'none'",
        "frame-ancestors": "'none'",
        "form-action": "'self'",
    }.items()
)
"""What a page may load and where it may send: ours alone, and nothing that stands in the page itself."""
PAGE_TYPES = ("text/html", "application/xhtml+xml", "image/svg+xml")


class PageMiddleware(MiddlewareMixin):
    """Every page, error pages too, says what it may load, is never framed, kept, or guessed to be something else.

    The relay's answers are no pages of ours: what a vendor sends passes as it is.
    """

    def process_response(self, request: HttpRequest, response: HttpResponseBase) -> HttpResponseBase:
        kind = response.headers.get("Content-Type", "").partition(";")[0].strip().lower()
        if response.streaming or kind not in PAGE_TYPES:
            return response
        is_signing_in = request.path_info.startswith(FOR_SIGNING_IN)
        response.headers["Content-Security-Policy"] = _policy_with_issuer() if is_signing_in else POLICY
        for name, value in (
            ("X-Content-Type-Options", "nosniff"),
            ("X-Frame-Options", "DENY"),
            ("Referrer-Policy", "same-origin"),
            ("Cache-Control", "no-store"),
        ):
            response.headers.setdefault(name, value)
        if is_signing_in:  # codes stand in these addresses
            response.headers["Referrer-Policy"] = "no-referrer"
            response.headers["Cache-Control"] = "no-store"
        return response


def _policy_with_issuer() -> str:
    """Return the policy of the pages of signing in: an approval may lead by the issuer, and browsers look at that."""
    issuer = urlsplit(settings.GATEWAY.OIDC_ISSUER)
    return f"{POLICY} {issuer.scheme}://{issuer.netloc}" if issuer.netloc else POLICY


DISGUISED = re.compile(rb"%(?:00|2[defDEF]|3[0-9]|4[1-9a-fA-F]|5[0-9afAF]|6[1-9a-fA-F]|7[0-9aAeE])")
"""Codes of what needs none: letters, digits, `-._~`, and the slash that parts segments. And of NUL, which no name
has: PostgreSQL can't even be asked for one.
"""
NAMES_WITH_SLASHES = re.compile(rb"/api/(?:groups|policies|routes)/")
"""Behind these the rest is one name: a client that quotes it whole writes its slashes as codes."""
SLASH = re.compile(rb"%2f", re.IGNORECASE)


class PathMiddleware(MiddlewareMixin):
    """Takes a path that only looks like one of ours once it is decoded for an unknown one, as the relay does."""

    def process_request(self, request: HttpRequest) -> None:
        raw = cast(bytes, getattr(request, "scope", {}).get("raw_path") or b"")
        if b"%" not in raw:
            return
        path = raw.split(b"?", 1)[0]
        if NAMES_WITH_SLASHES.match(path):
            path = SLASH.sub(b"/", path)
        if DISGUISED.search(path):
            request.urlconf = "gateway.unknown_urls"


class HeadMiddleware(MiddlewareMixin):
    """Answers HEAD on the management API like GET without its body, where django-ninja would answer 405."""

    def process_request(self, request: HttpRequest) -> None:
        is_management = request.path_info.startswith("/api/") and not request.path_info.startswith(WARM_UP)
        if request.method == "HEAD" and is_management:
            request.method = "GET"

    def process_response(self, request: HttpRequest, response: HttpResponseBase) -> HttpResponseBase:
        request.method = request.META["REQUEST_METHOD"]
        return response


class CookieMiddleware(MiddlewareMixin):
    """Marks cookies `Secure`, except on a request that came in clear: there the browser would drop them.

    Over HTTPS (`request.is_secure()`, which believes X-Forwarded-Proto only with TRUSTED_PROXIES set)
    nothing changes, so a session made behind TLS never travels without it.
    """

    def process_response(self, request: HttpRequest, response: HttpResponseBase) -> HttpResponseBase:
        if not request.is_secure():
            for cookie in response.cookies.values():
                cookie["secure"] = ""
        return response


class PrincipalMiddleware(MiddlewareMixin):
    """Notes who is about to change something on the admin's pages; of the API its guard does."""

    def process_view(self, request: HttpRequest, *_: Any) -> None:
        if request.method not in guards.SAFE_METHODS and request.path_info.startswith(FOR_ADMINS):
            address = guards.address_of(request)
            setattr(request, ATTRIBUTE, principals.of_login(request, address, "admin"))


AWAY_PAGE = """<!doctype html><html lang="en"><title>The database does not answer</title>
<h1>The database does not answer</h1>
<p>These pages need it; they come back with it. Calls of tokens that are in memory go on being served, and their usage
is kept until it can be written. <a href="/health/ready">/health/ready</a> tells the state, the log the reason.</p>
"""


class ErrorMiddleware(MiddlewareMixin):
    """Turns Django's own refusals (wrong host, wrong method, a defect) into JSON: programs never get HTML.

    Pages for people stay as they are. A database that is away is no defect: 503, to people as a page.
    """

    def process_exception(self, request: HttpRequest, exc: Exception) -> HttpResponse | None:
        if not isinstance(exc, errors.DATABASE_AWAY):
            return None
        answer = problems.answer(request, *errors.describe(exc))
        if not request.path_info.startswith(FOR_PEOPLE):
            return answer
        return HttpResponse(
            AWAY_PAGE, status=answer.status_code, headers={"Retry-After": answer["Retry-After"]}
        )

    def process_response(self, request: HttpRequest, response: HttpResponseBase) -> HttpResponseBase:
        if response.streaming or getattr(response, "is_worded", False):
            return response  # a vendor's own words, or an inbox's, whatever their type
        is_text = response.headers.get("Content-Type", "").startswith("text/")
        if response.status_code < 400 or not is_text or request.path_info.startswith(FOR_PEOPLE):
            return response
        failure = _failure(response)
        fresh = problems.answer(request, response.status_code, failure)
        fresh.headers["Content-Length"] = str(len(fresh.content))  # CommonMiddleware has passed already
        if "Allow" in response.headers:
            fresh.headers["Allow"] = _allowed(response)
        return fresh


def _failure(response: HttpResponseBase) -> Failure:
    status = response.status_code
    if status == 405:
        return Failure(
            FailureKind.METHOD_NOT_ALLOWED,
            f"Method not allowed; allowed: {_allowed(response)}",
        )
    kind = _KINDS.get(status, FailureKind.INTERNAL if status >= 500 else FailureKind.INVALID_REQUEST)
    return Failure(kind, _TEXTS.get(status, response.reason_phrase))


def _allowed(response: HttpResponseBase) -> str:
    """Return the allowed methods in one order, with HEAD wherever GET is."""
    methods = {name.strip() for name in response.headers.get("Allow", "").split(",")} - {""}
    return ", ".join(sorted(methods | ({"HEAD"} if "GET" in methods else set())))
