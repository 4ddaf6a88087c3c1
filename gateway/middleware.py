"""What every answer of Django's side passes through."""

from __future__ import annotations

from django.http import HttpRequest, HttpResponse
from django.utils.deprecation import MiddlewareMixin


class CookieMiddleware(MiddlewareMixin):
    """Cookies are `Secure`, except on a request that came in clear: there the browser would drop them.

    Over HTTPS (`request.is_secure()`, which believes X-Forwarded-Proto only with TRUSTED_PROXIES set)
    nothing changes, so a session made behind TLS never travels without it.
    """

    def process_response(self, request: HttpRequest, response: HttpResponse) -> HttpResponse:
        if not request.is_secure():
            for cookie in response.cookies.values():
                cookie["secure"] = ""
        return response
