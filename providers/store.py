"""From rows and settings to what the road keeps in memory. Sync ORM, never called on a request's way."""

from __future__ import annotations

import json
import logging
from dataclasses import dataclass, field

from django.conf import settings

from providers import revisions
from providers.errors import SecretUnreadable
from providers.models import ModelMap, Provider, ProviderClear, Route
from providers.records import (
    ANTHROPIC,
    OPENAI_COMPATIBLE,
    MapRecord,
    ProviderRecord,
    RouteRecord,
    Timeouts,
    key_credential,
)
from providers.routing import View
from providers.secrets import box

logger = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Boot:
    """What the settings say: both providers that they can name, and which of them is the last resort."""

    anthropic: ProviderRecord
    openai: ProviderRecord | None = None
    kind: str = ANTHROPIC  # UPSTREAM_PROVIDER
    maps_unknown: bool = False


@dataclass(frozen=True, slots=True)
class Rows:
    """Everything there is."""

    providers: list[Provider] = field(default_factory=list)
    routes: list[Route] = field(default_factory=list)
    model_map: list[ModelMap] = field(default_factory=list)
    cleared: dict[str, int] = field(default_factory=dict)  # provider → the revision of its last clear


def boot_from_settings() -> Boot:
    """As the operator configured it."""
    key = settings.OPENAI_COMPATIBLE_API_KEY
    return Boot(
        anthropic=ProviderRecord(ANTHROPIC, ANTHROPIC, settings.UPSTREAM_BASE_URL.rstrip("/")),
        openai=ProviderRecord(
            name=settings.OPENAI_COMPATIBLE_PROVIDER_NAME,
            kind=OPENAI_COMPATIBLE,
            base_url=settings.OPENAI_COMPATIBLE_BASE_URL.rstrip("/"),
            credential=key_credential(key) if key else None,
            api_key_env=settings.OPENAI_COMPATIBLE_API_KEY_ENV,
            is_stored_first=True,
            default_model=settings.OPENAI_COMPATIBLE_MODEL,
            models=settings.OPENAI_COMPATIBLE_MODELS,
        ),
        kind=settings.UPSTREAM_PROVIDER,
        maps_unknown=settings.UNKNOWN_MODEL == "map",
    )


def revision() -> int:
    return revisions.current()


def read() -> tuple[int, Rows]:
    """The revision is read first: a change that comes between is read again, never missed."""
    value = revisions.current()
    cleared = dict(ProviderClear.objects.values_list("provider", "revision"))
    return value, Rows(
        list(Provider.objects.all()), list(Route.objects.all()), list(ModelMap.objects.all()), cleared
    )


def view_of(boot: Boot, rows: Rows | None = None) -> View:
    """The rows beside what the settings name. A row of the same name takes a setting's place."""
    rows = rows or Rows()
    named = {row.name for row in rows.providers}
    providers = {row.name: record_of(row) for row in rows.providers if row.is_enabled}
    if boot.anthropic.name not in named:
        providers[boot.anthropic.name] = boot.anthropic
    if boot.kind == OPENAI_COMPATIBLE and boot.openai is not None:
        # A stored provider that is disabled leaves its name to the settings, as in the reference.
        providers.setdefault(boot.openai.name, boot.openai)
    return View(
        providers=providers,
        boot=_last_resort(boot, providers),
        routes=tuple(sorted(map(route_record, rows.routes), key=lambda row: row.order)),
        model_map=tuple(
            MapRecord(row.pattern, row.target)
            for row in sorted(rows.model_map, key=lambda row: (row.position, row.pattern))
        ),
        maps_unknown=boot.maps_unknown,
        boot_problem=_problem(boot),
    )


def _last_resort(boot: Boot, providers: dict[str, ProviderRecord]) -> ProviderRecord | None:
    if boot.kind == OPENAI_COMPATIBLE and boot.openai is not None:
        return providers[boot.openai.name]
    return providers.get(boot.anthropic.name) if boot.kind == ANTHROPIC else None


def _problem(boot: Boot) -> str:
    if boot.kind == ANTHROPIC:
        return "The provider anthropic is disabled, and nothing else serves this call"
    return f"UPSTREAM_PROVIDER={boot.kind} can't be served, and no other provider serves this call"


def record_of(row: Provider) -> ProviderRecord:
    """A row with its secrets opened. One that does not open is said so, and logged."""
    key, is_unreadable = "", False
    try:
        if row.encrypted_api_key:
            key = box().decrypt(row.encrypted_api_key, key_context(row.name))
    except SecretUnreadable as exc:
        is_unreadable = True
        logger.warning("provider %s: its stored key can't be used: %s", row.name, exc)
    return ProviderRecord(
        name=row.name,
        kind=row.kind,
        base_url=row.base_url,
        headers=headers_of(row),
        credential=key_credential(key) if key else None,
        api_key_env=row.api_key_env,
        is_key_unreadable=is_unreadable,
        default_model=row.default_model,
        models=tuple(row.model_names),
        priority=row.priority,
        responses=row.responses,
        timeouts=Timeouts(
            row.connect_timeout_seconds, row.first_byte_timeout_seconds, row.idle_timeout_seconds
        ),
    )


def headers_of(row: Provider) -> dict[str, str]:
    """The operator's extra headers; none when they don't open."""
    if not row.encrypted_headers:
        return {}
    try:
        return dict(json.loads(box().decrypt(row.encrypted_headers, headers_context(row.name))))
    except SecretUnreadable as exc:
        logger.warning("provider %s: its stored headers can't be used: %s", row.name, exc)
        return {}


def route_record(row: Route) -> RouteRecord:
    fallbacks = ((entry["provider"], entry.get("model") or "") for entry in row.fallbacks)
    return RouteRecord(
        model=row.model,
        chain=((row.provider, row.upstream_model), *fallbacks),
        priority=row.priority,
        is_listed=row.is_listed,
        display_name=row.display_name,
    )


def key_context(name: str) -> str:
    return f"provider:{name}"


def headers_context(name: str) -> str:
    return f"provider:{name}:headers"
