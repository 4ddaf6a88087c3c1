"""Describe, for the OpenAPI document, bodies that a view reads or writes itself.

A description names the schema's class. What its fields are is worked out when somebody asks for the document, not at
each start.
"""

from __future__ import annotations

from typing import Any


def body(schema: type, is_required: bool = True) -> dict[str, Any]:
    """Return the `openapi_extra` of an operation whose request body is checked by its service."""
    return {"requestBody": {"required": is_required, "content": _json(schema)}}


def answer(schema: type, words: str) -> dict[str, Any]:
    """Return the `openapi_extra` of an operation that answers 200 with JSON it writes itself."""
    return {"responses": {200: {"description": words, "content": _json(schema)}}}


def _json(schema: type) -> dict[str, Any]:
    return {"application/json": {"schema": schema}}
