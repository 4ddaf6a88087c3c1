"""All writing of routes and the model map.

Each function is one transaction, counted and recorded in the audit.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from gateway.kernel import audit
from gateway.kernel.principal import Principal
from gateway.kernel.regular import is_unicode
from providers import auditing
from providers.errors import BadProvider, BadRoute, UnknownRoute
from providers.fields.validation import CONTROL, MAX_TEXT
from providers.fields.validation import name as provider_name
from providers.models import ModelMap, Route
from providers.revisions import change as counted

COLUMNS = {"listed": "is_listed"}
"""Names in the API whose columns are named otherwise."""


def get(model: str) -> Route:
    """Return the row of a model pattern.

    Raises `UnknownRoute`.
    """
    row = Route.objects.filter(model=model).first()
    if row is None:
        raise UnknownRoute(model)
    return row


def listed() -> list[Route]:
    """Return every row in the operator's order."""
    return list(Route.objects.all())


def upsert(values: Mapping[str, object], *, principal: Principal) -> Route:
    """Add the route of a model pattern or replace it; what is not given gets its default.

    Raises `BadRoute`.
    """
    for required in ("model", "provider"):
        if not values.get(required):
            raise BadRoute(required, "required")
    fields = clean({field: value for field, value in values.items() if value is not None})
    with counted():
        row = Route.objects.select_for_update().filter(model=fields["model"]).first()
        fresh = Route(pk=None if row is None else row.pk)
        apply(fresh, fields)
        fresh.save()
        before = None if row is None else auditing.of_route(row)
        action = "route.change" if before else "route.create"
        audit.record(principal, action, f"route:{fresh.model}", before, auditing.of_route(fresh))
        return fresh


def change(model: str, values: Mapping[str, object], *, principal: Principal) -> Route:
    """Change only what is given.

    Raises `UnknownRoute`, `BadRoute`.
    """
    nulls: dict[str, object] = {"upstream_model": "", "display_name": "", "fallbacks": []}
    fields = clean(
        {name: nulls.get(name, value) if value is None else value for name, value in values.items()}
    )
    with counted():
        row = Route.objects.select_for_update().filter(model=model).first()
        if row is None:
            raise UnknownRoute(model)
        if Route.objects.filter(model=fields.get("model", model)).exclude(pk=row.pk).exists():
            raise BadRoute("model", "there is a route for this name already")
        before = auditing.of_route(row)
        apply(row, fields)
        row.save()
        audit.record(principal, "route.change", f"route:{model}", before, auditing.of_route(row))
        return row


def remove(model: str, *, principal: Principal) -> None:
    """Delete the route of a model pattern.

    Raises `UnknownRoute`.
    """
    with counted():
        row = Route.objects.select_for_update().filter(model=model).first()
        if row is None:
            raise UnknownRoute(model)
        audit.record(principal, "route.remove", f"route:{model}", auditing.of_route(row), None)
        row.delete()


def clean(values: Mapping[str, object]) -> dict[str, Any]:
    """Return the fields, checked.

    Raises `BadRoute`, for unknown ones, too.
    """
    for field in values:
        if field not in CHECKS:
            raise BadRoute(field, "unknown field")
    return {field: CHECKS[field](field, value) for field, value in values.items()}


def apply(row: Route, fields: Mapping[str, Any]) -> None:
    for field, value in fields.items():
        setattr(row, COLUMNS.get(field, field), value)


# The model map


def put_mapping(pattern: str, target: str, position: int = 100, *, principal: Principal) -> ModelMap:
    """Add an entry of the model map or replace it.

    Raises `BadRoute`.
    """
    fields = {"target": _name("target", target), "position": _position("position", position)}
    checked = _name("pattern", pattern)
    with counted():
        found = ModelMap.objects.select_for_update().filter(pattern=checked).first()
        before = None if found is None else auditing.of_mapping(found)
        row, _ = ModelMap.objects.update_or_create(pattern=checked, defaults=fields)
        action = "mapping.change" if before else "mapping.create"
        audit.record(principal, action, f"mapping:{checked}", before, auditing.of_mapping(row))
        return row


def remove_mapping(pattern: str, *, principal: Principal) -> None:
    """Delete the entry of a pattern.

    Raises `UnknownRoute`.
    """
    with counted():
        row = ModelMap.objects.select_for_update().filter(pattern=pattern).first()
        if row is None:
            raise UnknownRoute(pattern)
        audit.record(principal, "mapping.remove", f"mapping:{pattern}", auditing.of_mapping(row), None)
        row.delete()


# Checks


def _name(field: str, value: object) -> str:
    text = _optional(field, value)
    if not text:
        raise BadRoute(field, "required")
    return text


def _optional(field: str, value: object) -> str:
    if not isinstance(value, str) or CONTROL.search(value) or not is_unicode(value):
        raise BadRoute(field, "must be a string of one line")
    if len(value) > MAX_TEXT:
        raise BadRoute(field, f"may have at most {MAX_TEXT} characters")
    return value.strip()


def _provider(field: str, value: object) -> str:
    try:
        return provider_name(value)
    except BadProvider as exc:
        raise BadRoute(field, exc.problem) from None


def _fallbacks(field: str, value: object) -> list[dict[str, str]]:
    """Return `[{"provider", "model"}]`, the model "" when it is as asked."""
    if not isinstance(value, list) or len(value) > 16:
        raise BadRoute(field, "must be a list of at most 16 objects")
    checked = []
    for entry in value:
        if not isinstance(entry, Mapping) or set(entry) - {"provider", "model"}:
            raise BadRoute(field, 'each must be {"provider": …, "model": …}')
        model = _optional(field, entry.get("model") or "")
        checked.append({"provider": _provider(field, entry.get("provider")), "model": model})
    return checked


def _position(field: str, value: object) -> int:
    if isinstance(value, bool) or not isinstance(value, int) or not 0 <= value <= 1_000_000:
        raise BadRoute(field, "must be a whole number from 0")
    return value


def _flag(field: str, value: object) -> bool:
    if not isinstance(value, bool):
        raise BadRoute(field, "must be true or false")
    return value


CHECKS: dict[str, Any] = {
    "model": _name,
    "provider": _provider,
    "upstream_model": _optional,
    "fallbacks": _fallbacks,
    "priority": _position,
    "listed": _flag,
    "display_name": _optional,
}
"""The check of each field, by its name in the API."""
