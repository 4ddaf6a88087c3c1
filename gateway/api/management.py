"""The management API: one NinjaAPI for every app's router, behind the access guards, with errors of one form.

Documents at /api/docs, schema at /api/openapi.json. Errors are `{"type": "error", "error": {"type",
"message"}}`.
"""

from __future__ import annotations

from typing import Any

import orjson
from django.conf import settings
from django.core.exceptions import RequestDataTooBig
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import render
from ninja import NinjaAPI
from ninja.errors import HttpError, ValidationError
from ninja.openapi.docs import DocsBase
from ninja.openapi.schema import OpenAPISchema
from ninja.parser import Parser

from accounts.api import pool_router
from accounts.api import router as accounts_router
from gateway import VERSION
from gateway.access import guards
from gateway.access.gate import is_json
from gateway.alerts.api import router as alerts_router
from gateway.api.openapi import with_errors
from gateway.api.problems import answer
from gateway.api.strict import without_unknown
from gateway.audit.api import router as audit_router
from gateway.console.api import router as overview_router
from gateway.payments.api import router as payments_router
from gateway.rehearsals.api import router as rehearsals_router
from gateway.relay import errors
from gateway.usage.prices.api import router as prices_router
from gateway.usage.reporting.api import router as usage_router
from gateway.usage.requests.api import router as requests_router
from providers.api import router as providers_router
from providers.api import routes as routes_router
from providers.dialects.types import Failure, FailureKind
from tokens.api import router as tokens_router
from tokens.groups.api import router as groups_router
from tokens.people.api import router as people_router
from tokens.policies.api import router as policies_router

_BODY_PARTS = ("body", "form", "file")


class WrongMediaType(Exception):
    """A body that does not say it is JSON."""


class JsonParser(Parser):
    """Parse JSON only, and only when the caller says that it is. Raises what `on_http_error` tells apart."""

    def parse_body(self, request: HttpRequest) -> Any:
        if not is_json((request.content_type or "").encode()):
            raise WrongMediaType
        return orjson.loads(request.body)


def on_error(request: HttpRequest, exc: Any) -> HttpResponse:
    return answer(request, *errors.describe(exc))


def on_not_found(request: HttpRequest, exc: Any) -> HttpResponse:
    return answer(request, 404, Failure(FailureKind.NOT_FOUND, "Not found"))


def on_too_big(request: HttpRequest, exc: Any) -> HttpResponse:
    limit = settings.DATA_UPLOAD_MAX_MEMORY_SIZE
    return answer(request, 413, Failure(FailureKind.TOO_LARGE, f"Request body is larger than {limit} bytes"))


def on_http_error(request: HttpRequest, exc: Any) -> HttpResponse:
    """Answer django-ninja's own refusals; a body it could not parse has the reason as its cause."""
    cause = exc.__cause__
    if isinstance(cause, WrongMediaType):
        text = "Expected request with `Content-Type: application/json`"
        return answer(request, 415, Failure(FailureKind.MEDIA_TYPE, text))
    if isinstance(cause, orjson.JSONDecodeError):
        text = f"Failed to parse the request body as JSON: {cause}"
        return answer(request, 400, Failure(FailureKind.INVALID_REQUEST, text))
    if isinstance(cause, Exception) and not isinstance(exc, HttpError):
        return answer(request, *errors.describe(cause))
    status = exc.status_code if isinstance(exc, HttpError) else 400
    kind = next(
        (kind for kind, code in errors.STATUSES.items() if code == status), FailureKind.INVALID_REQUEST
    )
    return answer(request, status, Failure(kind, str(exc)))


def on_invalid(request: HttpRequest, exc: Any) -> HttpResponse:
    """Answer with the first field of the wrong type or out of bounds, by name."""
    first = exc.errors[0] if isinstance(exc, ValidationError) and exc.errors else {}
    place = tuple(first.get("loc", ()))
    path = place[2:] if place[:1] and place[0] in _BODY_PARTS else place[1:]
    field = ".".join(str(part) for part in path)
    if not field and first.get("type") == "missing":
        text = "Failed to parse the request body as JSON: it is empty"
    else:
        text = f"{field}: {first.get('msg', 'invalid')}" if field else str(first.get("msg", "invalid"))
    return answer(request, 400, Failure(FailureKind.INVALID_REQUEST, text, param=field or None))


class DocsPage(DocsBase):
    """Swagger from our own files: nothing inline, nothing from another host."""

    def render_page(self, request: HttpRequest, api: NinjaAPI, **kwargs: Any) -> HttpResponse:
        context = {"api": api, "url": self.get_openapi_url(api, kwargs)}
        return render(request, "gateway/api_docs.html", context)


class ManagementAPI(NinjaAPI):
    """django-ninja's API with a document that tells what each operation refuses, and how."""

    def get_content_type(self) -> str:
        """Return JSON's type as the data plane and the reference write it: its encoding is always UTF-8."""
        return "application/json"

    def get_openapi_schema(self, **prefix: Any) -> OpenAPISchema:
        document = super().get_openapi_schema(**prefix)
        with_errors(document)
        return document


api = ManagementAPI(
    title="Link.Assistant.Router",
    version=VERSION,
    description="Management of tokens, accounts and providers, and the surfaces that clients call.",
    docs_url="/api/docs",
    openapi_url="/api/openapi.json",
    docs=DocsPage(),
    docs_decorator=guards.documents,
    auth=guards.AdminAuth(),
    parser=JsonParser(),
    urls_namespace="api",
)
api.add_exception_handler(Exception, on_error)
api.add_exception_handler(Http404, on_not_found)
api.add_exception_handler(RequestDataTooBig, on_too_big)
api.add_exception_handler(HttpError, on_http_error)
api.add_exception_handler(ValidationError, on_invalid)

api.add_decorator(without_unknown)

api.add_router("/api/tokens", tokens_router)
api.add_router("/api/groups", groups_router)
api.add_router("/api/people", people_router)
api.add_router("/api/policies", policies_router)
api.add_router("/api/accounts", accounts_router)
api.add_router("/api/pool", pool_router)
api.add_router("/api/audit", audit_router)
api.add_router("/api/alerts", alerts_router)
api.add_router("/api/rehearsals", rehearsals_router)
api.add_router("/api/usage", usage_router)
api.add_router("/api/overview", overview_router)
api.add_router("/api/requests", requests_router)
api.add_router("/api/payments", payments_router)
api.add_router("/api/prices", prices_router)
api.add_router("/api/providers", providers_router)
api.add_router("/api/routes", routes_router)
