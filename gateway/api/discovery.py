"""Publish what is paid for: `GET /openapi.json`, open to everybody, while payments are asked for.

Form: draft-payment-discovery-00. Only the surfaces that are paid for stand in it; the management API's own document
is another one, behind its gate.
"""

from __future__ import annotations

from typing import Any

import orjson
from django.conf import settings
from django.http import HttpRequest, HttpResponse
from django.urls import URLPattern, path
from django.views.decorators.http import require_safe

from gateway import VERSION
from gateway.api.surfaces import ERROR, REQUESTS
from gateway.exchange.surfaces import Surface, Table
from gateway.payments import options as payment_options
from gateway.payments.gate import is_charged
from gateway.payments.methods.unverified import NONE
from gateway.payments.options import PaymentOptions
from gateway.runtime import from_settings

_OBJECT = {"type": "object", "additionalProperties": True}
_INPUTS: dict[str, dict[str, Any]] = {
    **REQUESTS,
    "chat_completions": {
        **_OBJECT,
        "required": ["model", "messages"],
        "properties": {
            "model": {"type": "string"},
            "messages": {"type": "array", "items": {"type": "object"}},
            "stream": {"type": "boolean", "default": False},
        },
    },
    "responses": {
        **_OBJECT,
        "required": ["model", "input"],
        "properties": {
            "model": {"type": "string"},
            "input": {"oneOf": [{"type": "string"}, {"type": "array", "items": {"type": "object"}}]},
            "stream": {"type": "boolean", "default": False},
        },
    },
}
_PROBLEM = {
    "type": "object",
    "required": ["type", "title", "status", "detail", "error"],
    "properties": {
        "type": {"type": "string", "format": "uri"},
        "title": {"type": "string"},
        "status": {"type": "integer"},
        "detail": {"type": "string"},
        "challengeId": {"type": "string"},
        "error": {"type": "object"},
    },
}
_PARAMETER = "{path}"


def document(options: PaymentOptions, table: Table) -> dict[str, Any]:
    """Return the OpenAPI document of the surfaces that are paid for."""
    paths: dict[str, Any] = {}
    for row in table.rows:
        if any(is_charged(options.surfaces, row, method) for method in row.methods):
            paths[row.path.replace("*", _PARAMETER)] = {"post": _operation(options, row)}
    return {
        "openapi": "3.1.0",
        "info": {"title": "Link.Assistant.Router", "version": VERSION},
        "x-service-info": {"categories": ["compute", "developer-tools"]},
        "paths": paths,
        "components": {"securitySchemes": {"bearer": {"type": "http", "scheme": "bearer"}}},
    }


def _operation(options: PaymentOptions, row: Surface) -> dict[str, Any]:
    offer = options.offer
    offers = [
        {"intent": "charge", "method": name, "amount": offer.amount, "currency": offer.currency}
        for name in options.methods or (NONE,)
    ]
    operation: dict[str, Any] = {
        "summary": row.summary,
        "x-payment-info": {"offers": offers},
        "security": [{"bearer": []}, {}] if options.allows_anonymous else [{"bearer": []}],
        "requestBody": {
            "required": True,
            "content": {"application/json": {"schema": _INPUTS.get(row.name, _OBJECT)}},
        },
        "responses": {
            "200": {"description": "The answer, with its Payment-Receipt"},
            "401": {
                "description": "No valid token",
                "content": {"application/json": {"schema": ERROR}},
            },
            "402": {
                "description": "Payment Required",
                "content": {"application/problem+json": {"schema": _PROBLEM}},
            },
        },
    }
    names = [word.split("}")[0] for word in row.path.replace("*", _PARAMETER).split("{")[1:]]
    if names:
        schema = {"type": "string"}
        operation["parameters"] = [
            {"name": name, "in": "path", "required": True, "schema": schema} for name in names
        ]
    return operation


@require_safe
def openapi(request: HttpRequest) -> HttpResponse:
    """Answer `GET /openapi.json`."""
    options = payment_options.from_settings()
    told = {} if options is None else document(options, from_settings.table(settings.GATEWAY))
    return HttpResponse(orjson.dumps(told), content_type="application/json")


def urls() -> list[URLPattern]:
    """Return the document's path: none while nothing is paid for."""
    return [path("openapi.json", openapi)] if settings.GATEWAY.MPP_ENABLE else []
