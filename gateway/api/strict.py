"""Refuse query parameters that a path of the management API does not know: a mistyped filter shows everything."""

from __future__ import annotations

import inspect
from collections.abc import Callable
from functools import wraps
from typing import Any, get_type_hints

from django.http import HttpRequest
from ninja.params.models import Query as QueryParam

from gateway.kernel.asking import BadParameter
from gateway.kernel.redaction import redact

MOST = 64
"""Characters of a name that are told."""


def without_unknown(view: Callable[..., Any]) -> Callable[..., Any]:
    """Decorate a view so that it refuses, with 400, what is in the query and not among its parameters.

    Surfaces, whose views are asynchronous, pass on what they are given.
    """
    if inspect.iscoroutinefunction(view):
        return view
    known = parameters_of(view)

    @wraps(view)
    def strict(request: HttpRequest, *args: Any, **kwargs: Any) -> Any:
        unknown = next((name for name in request.GET if name not in known), None)
        if unknown is None:
            return view(request, *args, **kwargs)
        name = redact(unknown[:MOST])
        raise BadParameter(
            name, "unknown parameter" + (f"; known are {', '.join(sorted(known))}" if known else "")
        )

    return strict


def parameters_of(view: Callable[..., Any]) -> frozenset[str]:
    """Return the names that a view reads from the query."""
    hints = get_type_hints(inspect.unwrap(view), include_extras=True)
    schemas = [hint.__origin__ for hint in hints.values() if _is_query(hint)]
    return frozenset(field.alias or name for schema in schemas for name, field in schema.model_fields.items())


def _is_query(hint: Any) -> bool:
    return any(isinstance(mark, QueryParam) for mark in getattr(hint, "__metadata__", ()))
