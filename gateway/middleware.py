"""What every answer of Django's side passes through."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from contextvars import Token
from inspect import iscoroutinefunction
from typing import cast

from django.http import HttpRequest, HttpResponse
from django.http.response import HttpResponseBase
from django.utils.decorators import sync_and_async_middleware
from django.utils.deprecation import MiddlewareMixin

from gateway import errors, guards, identity, logs
from providers.dialects.types import Failure, FailureKind

FOR_PEOPLE = "/admin/"
WARM_UP = "/api/hello"  # a surface, and HEAD is all it knows
_KINDS = {status: kind for kind, status in errors.STATUSES.items()}
_TEXTS = {400: "Bad request", 403: "Forbidden", 404: "Not found", 500: "Internal error"}


Sync = Callable[[HttpRequest], HttpResponseBase]
Async = Callable[[HttpRequest], Awaitable[HttpResponseBase]]


@sync_and_async_middleware
def request_id_middleware(get_response: Sync | Async) -> Sync | Async:
    """Every answer and every log line of Django's side has the request's id, as on the road."""
    if iscoroutinefunction(get_response):
        inner = cast(Async, get_response)

        async def with_id(request: HttpRequest) -> HttpResponseBase:
            token = _begin(request)
            try:
                return _identified(request, await inner(request))
            finally:
                identity.current.reset(token)

        return with_id

    plain = cast(Sync, get_response)

    def with_id_in_thread(request: HttpRequest) -> HttpResponseBase:
        token = _begin(request)
        try:
            return _identified(request, plain(request))
        finally:
            identity.current.reset(token)

    return with_id_in_thread


def _begin(request: HttpRequest) -> Token[str]:
    own_id = identity.request_id()
    request.META[logs.ID_IN_META] = own_id  # for what Django logs of the request later, elsewhere
    return identity.current.set(own_id)


def _identified(request: HttpRequest, response: HttpResponseBase) -> HttpResponseBase:
    """The road has given its answers an id already: then that one counts, also for what Django still logs."""
    name = identity.HEADER.decode()
    if name in response.headers:
        request.META[logs.ID_IN_META] = response.headers[name]
    else:
        response.headers[name] = request.META[logs.ID_IN_META]
    return response


class HeadMiddleware(MiddlewareMixin):
    """HEAD on the management API is GET whose body the server drops: django-ninja alone would answer 405."""

    def process_request(self, request: HttpRequest) -> None:
        is_management = request.path_info.startswith("/api/") and not request.path_info.startswith(WARM_UP)
        if request.method == "HEAD" and is_management:
            request.method = "GET"

    def process_response(self, request: HttpRequest, response: HttpResponseBase) -> HttpResponseBase:
        request.method = request.META["REQUEST_METHOD"]
        return response


class CookieMiddleware(MiddlewareMixin):
    """Cookies are `Secure`, except on a request that came in clear: there the browser would drop them.

    Over HTTPS (`request.is_secure()`, which believes X-Forwarded-Proto only with TRUSTED_PROXIES set)
    nothing changes, so a session made behind TLS never travels without it.
    """

    def process_response(self, request: HttpRequest, response: HttpResponseBase) -> HttpResponseBase:
        if not request.is_secure():
            for cookie in response.cookies.values():
                cookie["secure"] = ""
        return response


AWAY_PAGE = """<!doctype html><html lang="en"><title>The database does not answer</title>
<h1>The database does not answer</h1>
<p>These pages need it; they come back with it. Calls of tokens that are in memory go on being served, and their usage
is kept until it can be written. <a href="/health/ready">/health/ready</a> tells the state, the log the reason.</p>
"""


class ErrorMiddleware(MiddlewareMixin):
    """Django's own refusals (wrong host, wrong method, a defect) as JSON: programs never get HTML.

    Pages under /admin/ stay as they are. A database that is away is no defect: 503, to people as a page.
    """

    def process_exception(self, request: HttpRequest, exc: Exception) -> HttpResponse | None:
        if not isinstance(exc, errors.DATABASE_AWAY):
            return None
        answer = guards.failure_response(exc)
        if not request.path_info.startswith(FOR_PEOPLE):
            return answer
        return HttpResponse(
            AWAY_PAGE, status=answer.status_code, headers={"Retry-After": answer["Retry-After"]}
        )

    def process_response(self, request: HttpRequest, response: HttpResponseBase) -> HttpResponseBase:
        if response.streaming:
            return response  # the road's: a vendor's own words, whatever their type
        is_text = response.headers.get("Content-Type", "").startswith("text/")
        if response.status_code < 400 or not is_text or request.path_info.startswith(FOR_PEOPLE):
            return response
        failure = _failure(response)
        fresh = HttpResponse(
            errors.render(response.status_code, failure, "anthropic", None).body,
            status=response.status_code,
            content_type="application/json",
        )
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
    """In one order, and HEAD wherever GET is."""
    methods = {name.strip() for name in response.headers.get("Allow", "").split(",")} - {""}
    return ", ".join(sorted(methods | ({"HEAD"} if "GET" in methods else set())))
