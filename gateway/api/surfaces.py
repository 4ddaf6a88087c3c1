"""Declare the surfaces to django-ninja: one operation for every row of the table of surfaces.

The schemas say what the relay itself reads; everything else of a body passes on as it is.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Any

from django.http import HttpRequest, HttpResponseBase
from ninja import NinjaAPI

from gateway.entrypoints import RELAYED, django_entry_point
from gateway.exchange.surfaces import Action, Surface, Table

BEHIND_A_TOKEN = RELAYED | {Action.PERSONAL}
View = Callable[..., Awaitable[HttpResponseBase]]

ERROR: dict[str, Any] = {
    "type": "object",
    "required": ["type", "error"],
    "properties": {
        "type": {"const": "error"},
        "error": {
            "type": "object",
            "required": ["type", "message"],
            "properties": {"type": {"type": "string"}, "message": {"type": "string"}},
        },
        "request_id": {"type": "string"},
    },
}
_MESSAGES = {
    "type": "object",
    "required": ["model", "max_tokens", "messages"],
    "additionalProperties": True,
    "properties": {
        "model": {"type": "string"},
        "max_tokens": {"type": "integer", "minimum": 0},
        "messages": {"type": "array", "items": {"type": "object"}},
        "system": {"oneOf": [{"type": "string"}, {"type": "array", "items": {"type": "object"}}]},
        "stream": {"type": "boolean", "default": False},
        "tools": {"type": "array", "items": {"type": "object"}},
        "metadata": {"type": "object", "properties": {"user_id": {"type": "string"}}},
    },
}
_COUNT = {**_MESSAGES, "required": ["model", "messages"]}
_USAGE = {"type": "object", "additionalProperties": {"type": ["integer", "object", "string", "null"]}}
_MESSAGE = {
    "type": "object",
    "additionalProperties": True,
    "properties": {
        "id": {"type": "string"},
        "type": {"const": "message"},
        "role": {"const": "assistant"},
        "model": {"type": "string"},
        "content": {"type": "array", "items": {"type": "object"}},
        "stop_reason": {"type": ["string", "null"]},
        "usage": _USAGE,
    },
}
_MODEL = {
    "type": "object",
    "additionalProperties": True,
    "properties": {"type": {"const": "model"}, "id": {"type": "string"}, "display_name": {"type": "string"}},
}
_MODELS = {
    "type": "object",
    "additionalProperties": True,
    "properties": {"data": {"type": "array", "items": _MODEL}, "has_more": {"type": "boolean"}},
}
_STREAM = {"type": "string", "description": "server-sent events, when `stream` is true"}

REQUESTS: dict[str, dict[str, Any]] = {"messages": _MESSAGES, "count_tokens": _COUNT}
ANSWERS: dict[str, dict[str, Any]] = {
    "messages": {"application/json": _MESSAGE, "text/event-stream": _STREAM},
    "count_tokens": {
        "application/json": {"type": "object", "properties": {"input_tokens": {"type": "integer"}}}
    },
    "models": {"application/json": _MODELS},
    "model": {"application/json": _MODEL},
    "health": {"text/plain": {"const": "ok"}},
    "ready": {"application/json": {"type": "object", "additionalProperties": {"type": "string"}}},
}


def declare(api: NinjaAPI, table: Table) -> None:
    """Add the surfaces to `api`. The relay checks their tokens, not the API's own gate."""
    for row in table.rows:
        path = row.path.replace("*", "{path:rest}")
        api.api_operation(
            list(row.methods),
            path,
            auth=None,
            summary=row.summary,
            tags=["Surfaces" if row.action in BEHIND_A_TOKEN else "Health and warm-up"],
            operation_id=f"surface_{row.name}_{_word(row.path)}",
            openapi_extra=_extra(row),
        )(_view(path))


def _view(path: str) -> View:
    if "{path:rest}" in path:

        async def with_rest(request: HttpRequest, rest: str) -> HttpResponseBase:
            return await django_entry_point(request)

        return with_rest
    if "{id}" in path:

        async def with_id(request: HttpRequest, id: str) -> HttpResponseBase:
            return await django_entry_point(request)

        return with_id
    if "{model}" in path:

        async def with_model(request: HttpRequest, model: str) -> HttpResponseBase:
            return await django_entry_point(request)

        return with_model

    async def plain(request: HttpRequest) -> HttpResponseBase:
        return await django_entry_point(request)

    return plain


def _word(path: str) -> str:
    return "".join(letter if letter.isalnum() else "_" for letter in path).strip("_") or "root"


def _extra(row: Surface) -> dict[str, Any]:
    content = {kind: {"schema": schema} for kind, schema in ANSWERS.get(row.name, {}).items()}
    extra: dict[str, Any] = {"responses": {200: {"description": "OK", "content": content}}}
    if row.action in BEHIND_A_TOKEN:
        extra["security"] = [{"bearer": []}, {"apiKey": []}]
        for status, text in (
            (400, "Bad request"),
            (401, "No valid token"),
            (429, "A limit"),
            (502, "Upstream"),
        ):
            extra["responses"][status] = {
                "description": text,
                "content": {"application/json": {"schema": ERROR}},
            }
    if row.name in REQUESTS:
        schema = {"schema": REQUESTS[row.name]}
        extra["requestBody"] = {"required": True, "content": {"application/json": schema}}
    return extra
