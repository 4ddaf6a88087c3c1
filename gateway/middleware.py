"""What every answer of Django's side passes through."""

from __future__ import annotations

from django.http import HttpRequest, HttpResponse
from django.http.response import HttpResponseBase
from django.utils.deprecation import MiddlewareMixin

from gateway import errors
from providers.dialects.types import Failure, FailureKind

FOR_PEOPLE = "/admin/"
_KINDS = {status: kind for kind, status in errors.STATUSES.items()}
_TEXTS = {400: "Bad request", 403: "Forbidden", 404: "Not found", 500: "Internal error"}


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


class ErrorMiddleware(MiddlewareMixin):
    """Django's own refusals (wrong host, wrong method, a defect) as JSON: programs never get HTML.

    Pages under /admin/ stay as they are.
    """

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
            fresh.headers["Allow"] = response.headers["Allow"]
        return fresh


def _failure(response: HttpResponseBase) -> Failure:
    status = response.status_code
    if status == 405:
        return Failure(
            FailureKind.METHOD_NOT_ALLOWED,
            f"Method not allowed; allowed: {response.headers.get('Allow', '')}",
        )
    kind = _KINDS.get(status, FailureKind.INTERNAL if status >= 500 else FailureKind.INVALID_REQUEST)
    return Failure(kind, _TEXTS.get(status, response.reason_phrase))
