"""Tell errors of the management API; on its newer paths in the form of RFC 9457 as well, in the same object."""

from __future__ import annotations

from http import HTTPStatus

import orjson
from django.http import HttpRequest, HttpResponse

from gateway.access import guards
from gateway.relay import errors
from providers.dialects.types import Failure

PATHS = ("/api/audit", "/api/usage", "/api/requests", "/api/overview", "/api/alerts", "/api/rehearsals")
MEDIA_TYPE = "application/problem+json"


def has_problems(path: str) -> bool:
    """Tell whether errors of this path, or of one below it, have the members of RFC 9457."""
    return any(path == each or path.startswith(f"{each}/") for each in PATHS)


def answer(request: HttpRequest, status: int, failure: Failure) -> HttpResponse:
    """Return an error as the path that was asked tells errors."""
    response = guards.to_django(errors.render(status, failure, "anthropic", None))
    if has_problems(request.path_info):
        told = {
            **orjson.loads(response.content),
            "title": HTTPStatus(status).phrase if status in _KNOWN else "Error",
            "status": status,
            "detail": failure.message,
            "field": failure.param,
        }
        response.content = orjson.dumps(told)
        response["Content-Type"] = MEDIA_TYPE
    return response


_KNOWN = frozenset(each.value for each in HTTPStatus)
