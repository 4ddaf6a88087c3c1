"""Everything that writes routes and the model map. Each function is one counted transaction."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from providers.errors import BadProvider, BadRoute, UnknownRoute
from providers.models import ModelMap, Route
from providers.revisions import change as counted
from providers.validation import CONTROL, MAX_TEXT
from providers.validation import name as provider_name

COLUMNS = {"listed": "is_listed"}
"""Names on the wire that are others in the row."""


def get(model: str) -> Route:
    """Raises `UnknownRoute`."""
    row = Route.objects.filter(model=model).first()
    if row is None:
        raise UnknownRoute(model)
    return row


def listed() -> list[Route]:
    """Every row in the operator's order."""
    return list(Route.objects.all())


def upsert(values: Mapping[str, object]) -> Route:
    """Adds the route of a model pattern or replaces it; what is not given is as by default. Raises `BadRoute`."""
    for required in ("model", "provider"):
        if not values.get(required):
            raise BadRoute(required, "required")
    fields = clean({field: value for field, value in values.items() if value is not None})
    with counted():
        row = Route.objects.select_for_update().filter(model=fields["model"]).first()
        fresh = Route(pk=None if row is None else row.pk)
        apply(fresh, fields)
        fresh.save()
        return fresh


def change(model: str, values: Mapping[str, object]) -> Route:
    """Changes only what is given. Raises `UnknownRoute`, `BadRoute`."""
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
        apply(row, fields)
        row.save()
        return row


def remove(model: str) -> None:
    """Raises `UnknownRoute`."""
    with counted():
        if not Route.objects.filter(model=model).delete()[0]:
            raise UnknownRoute(model)


def clean(values: Mapping[str, object]) -> dict[str, Any]:
    """The fields, checked. Raises `BadRoute`, for unknown ones, too."""
    for field in values:
        if field not in CHECKS:
            raise BadRoute(field, "unknown field")
    return {field: CHECKS[field](field, value) for field, value in values.items()}


def apply(row: Route, fields: Mapping[str, Any]) -> None:
    for field, value in fields.items():
        setattr(row, COLUMNS.get(field, field), value)


# The model map


def put_mapping(pattern: str, target: str, position: int = 100) -> ModelMap:
    """Adds an entry of the model map or replaces it. Raises `BadRoute`."""
    fields = {"target": _name("target", target), "position": _position("position", position)}
    with counted():
        row, _ = ModelMap.objects.update_or_create(pattern=_name("pattern", pattern), defaults=fields)
        return row


def remove_mapping(pattern: str) -> None:
    """Raises `UnknownRoute`."""
    with counted():
        if not ModelMap.objects.filter(pattern=pattern).delete()[0]:
            raise UnknownRoute(pattern)


# Checks


def _name(field: str, value: object) -> str:
    text = _optional(field, value)
    if not text:
        raise BadRoute(field, "required")
    return text


def _optional(field: str, value: object) -> str:
    if not isinstance(value, str) or CONTROL.search(value):
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
    """[{"provider", "model"}], the model "" when it is as asked."""
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
"""By the name on the wire."""
