"""Turn rows and settings into what the relay keeps in memory.

Sync ORM, never called on a request's way.
"""

from __future__ import annotations

import json
import logging
import re
from dataclasses import dataclass, field

from django.conf import settings
from django.core.exceptions import ImproperlyConfigured

from gateway.kernel.redaction import redact
from gateway.kernel.secrets import SecretUnreadable, box
from providers import revisions
from providers.catalog.command_lines import AFTER_SECONDS, command_line, timeouts_of
from providers.catalog.records import (
    ANTHROPIC,
    CLAUDE_CLI,
    CRATER,
    GONKA,
    OPENAI_COMPATIBLE,
    MapRecord,
    ProviderRecord,
    RouteRecord,
    Timeouts,
    key_credential,
)
from providers.drivers.base import BASE_URL
from providers.drivers.crater import MODEL
from providers.drivers.table import DRIVERS
from providers.fields import own_secrets
from providers.gonka import modes as gonka
from providers.models import CALLER, ModelMap, Provider, ProviderClear, Route
from providers.routing import View

logger = logging.getLogger(__name__)

CLI, HYBRID = "cli", "hybrid"
"""Values of ROUTING_MODE."""


@dataclass(frozen=True, slots=True)
class Boot:
    """Providers that the settings name, and which of them is the last resort."""

    anthropic: ProviderRecord
    openai: ProviderRecord | None = None
    kind: str = ANTHROPIC  # UPSTREAM_PROVIDER
    maps_unknown: bool = False
    gonka: ProviderRecord | None = None
    crater: ProviderRecord | None = None
    beside: ProviderRecord | None = None  # the command line of ROUTING_MODE=hybrid
    names_asked: bool = False  # EXPERIMENTAL_ASKED_MODEL

    @property
    def chosen(self) -> ProviderRecord | None:
        """Return the last resort where it is not Anthropic."""
        others = (record for record in (self.openai, self.gonka, self.crater) if record is not None)
        return next((record for record in others if record.kind == self.kind), None)


@dataclass(frozen=True, slots=True)
class Rows:
    """All rows of this app."""

    providers: list[Provider] = field(default_factory=list)
    routes: list[Route] = field(default_factory=list)
    model_map: list[ModelMap] = field(default_factory=list)
    cleared: dict[str, int] = field(default_factory=dict)  # provider → the revision of its last clear


def boot_from_settings() -> Boot:
    """Return the providers as the operator configured them."""
    options = settings.GATEWAY
    key, variable = options.OPENAI_COMPATIBLE_API_KEY, options.OPENAI_COMPATIBLE_API_KEY_ENV
    if own_secrets.is_own(variable):
        raise ImproperlyConfigured(f"OPENAI_COMPATIBLE_API_KEY_ENV: {own_secrets.problem(variable)}")
    return Boot(
        anthropic=_anthropic(),
        openai=ProviderRecord(
            name=options.OPENAI_COMPATIBLE_PROVIDER_NAME,
            kind=OPENAI_COMPATIBLE,
            base_url=options.OPENAI_COMPATIBLE_BASE_URL.rstrip("/"),
            credential=key_credential(key) if key else None,
            api_key_env=variable,
            is_stored_first=True,
            default_model=options.OPENAI_COMPATIBLE_MODEL,
            models=options.OPENAI_COMPATIBLE_MODELS,
        ),
        gonka=_gonka() if options.UPSTREAM_PROVIDER == GONKA else None,
        crater=_crater() if options.UPSTREAM_PROVIDER == CRATER else None,
        kind=options.UPSTREAM_PROVIDER,
        maps_unknown=options.UNKNOWN_MODEL == "map",
        beside=command_line(CLAUDE_CLI) if options.ROUTING_MODE == HYBRID else None,
        names_asked=options.EXPERIMENTAL_ASKED_MODEL or options.EXPERIMENTAL_COMPATIBILITY,
    )


def _anthropic() -> ProviderRecord:
    """Return Anthropic's provider: called directly, or through the command line."""
    if settings.GATEWAY.ROUTING_MODE == CLI:
        return command_line(ANTHROPIC)
    return ProviderRecord(ANTHROPIC, ANTHROPIC, settings.GATEWAY.UPSTREAM_BASE_URL.rstrip("/"))


def _gonka() -> ProviderRecord:
    """Return Gonka as the operator configured it. A model that it is told of is the only one of mode `reference`."""
    options = settings.GATEWAY
    mode, model = gonka.mode_of(options), gonka.model_of(options)
    is_broker, is_reference = mode == gonka.BROKER, mode == gonka.REFERENCE
    key = options.GONKA_BROKER_API_KEY if is_broker else options.GONKA_PRIVATE_KEY
    return ProviderRecord(
        name=GONKA,
        kind=GONKA,
        base_url=(options.GONKA_BROKER_URL if is_broker else options.GONKA_SOURCE_URL).rstrip("/"),
        credential=key_credential(key) if key else None,
        is_stored_first=True,
        default_model=model,
        models=(model,) if is_reference and model else (),
        responses="native" if is_reference else "translate",
        options={"mode": mode, "endpoints": options.GONKA_ENDPOINTS},
    )


def _crater() -> ProviderRecord:
    """Return the tracker that the operator configured; addresses stay as they are."""
    options = settings.GATEWAY
    return ProviderRecord(
        name=CRATER,
        kind=CRATER,
        base_url=options.CRATER_FORGEFED_INBOX,
        models=(MODEL,),
        timeouts=Timeouts(first_byte_seconds=options.CRATER_POLL_TIMEOUT_SECS + AFTER_SECONDS),
        options={
            "target": options.CRATER_FORGEFED_TARGET,
            "poll_interval_ms": str(options.CRATER_POLL_INTERVAL_MS),
            "poll_timeout_seconds": str(options.CRATER_POLL_TIMEOUT_SECS),
        },
    )


def revision() -> int:
    return revisions.current()


def read() -> tuple[int, Rows]:
    """Return the revision and all rows.

    The revision is read first: a change that comes between is read again, never missed.
    """
    value = revisions.current()
    cleared = dict(ProviderClear.objects.values_list("provider", "revision"))
    return value, Rows(
        list(Provider.objects.all()), list(Route.objects.all()), list(ModelMap.objects.all()), cleared
    )


def view_of(boot: Boot, rows: Rows | None = None) -> View:
    """Return the rows beside what the settings name.

    A row of the same name takes a setting's place.
    """
    rows = rows or Rows()
    named = {row.name for row in rows.providers}
    providers = {row.name: record_of(row) for row in rows.providers if row.is_enabled}
    if boot.anthropic.name not in named:
        providers[boot.anthropic.name] = boot.anthropic
    if boot.chosen is not None:
        # A stored provider that is disabled leaves its name to the settings, as in the reference.
        providers.setdefault(boot.chosen.name, boot.chosen)
    if boot.beside is not None and boot.beside.name not in named:
        providers[boot.beside.name] = boot.beside
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
        stand_in=None if boot.beside is None else providers.get(boot.beside.name),
        names_asked=boot.names_asked,
    )


def _last_resort(boot: Boot, providers: dict[str, ProviderRecord]) -> ProviderRecord | None:
    if boot.chosen is not None:
        return providers[boot.chosen.name]
    return providers.get(boot.anthropic.name) if boot.kind == boot.anthropic.kind else None


def _problem(boot: Boot) -> str:
    if boot.kind == boot.anthropic.kind:
        return f"The provider {boot.anthropic.name} is disabled, and nothing else serves this call"
    return f"UPSTREAM_PROVIDER={boot.kind} can't be served, and no other provider serves this call"


def record_of(row: Provider) -> ProviderRecord:
    """Return a row with its secrets opened.

    One that does not open is marked in the record, and logged.
    """
    key, is_unreadable = "", False
    try:
        if row.encrypted_api_key:
            key = box().decrypt(row.encrypted_api_key, key_context(row.name))
    except SecretUnreadable as exc:
        is_unreadable = True
        logger.warning("provider %s: its stored key can't be used: %s", row.name, exc)
    variable, own_secret = row.api_key_env, ""
    if own_secrets.is_own(variable):  # of a version that took it
        key, variable, own_secret, is_unreadable = "", "", variable, True
        logger.warning("provider %s: passed over: %s", row.name, own_secrets.problem(own_secret))
    driver = DRIVERS.get(row.kind)
    is_placed = driver is not None and not driver.needs_base_url
    if is_placed and driver is not None and (wrong := driver.problem(row.options, "")):
        logger.warning("provider %s can't be called: %s", row.name, wrong[1])
    return ProviderRecord(
        name=row.name,
        kind=row.kind,
        base_url=driver.place(row.base_url, row.options) if driver else row.base_url,
        headers=headers_of(row),
        credential=key_credential(key) if key else None,
        api_key_env=variable,
        is_key_unreadable=is_unreadable,
        own_secret=own_secret,
        default_model=row.default_model,
        models=tuple(dict.fromkeys([*row.model_names, *row.model_ids])),
        priority=row.priority,
        responses=_responses(row),
        takes_callers_login=row.login == CALLER,
        timeouts=timeouts_of(row),
        options={**row.options, BASE_URL: row.base_url} if is_placed else row.options,
        model_ids=row.model_ids,
    )


def _responses(row: Provider) -> str:
    """Return how the Responses API is told there: tools can be told as text by Chat Completions alone."""
    options = settings.GATEWAY
    is_told = options.EXPERIMENTAL_XML_TOOLS or options.EXPERIMENTAL_COMPATIBILITY
    return "translate" if is_told and row.options.get("tools") == "xml" else row.responses


_HOLDS_SECRET = re.compile(r"(?i)key|token|secret|auth|cookie|password|credential|signature")


def headers_of(row: Provider) -> dict[str, str]:
    """Return the operator's extra headers; none when they don't open."""
    if not row.encrypted_headers:
        return {}
    try:
        headers = dict(json.loads(box().decrypt(row.encrypted_headers, headers_context(row.name))))
    except SecretUnreadable as exc:
        logger.warning("provider %s: its stored headers can't be used: %s", row.name, exc)
        return {}
    for name, value in headers.items():
        if _HOLDS_SECRET.search(name):
            redact.learn(value.rpartition(" ")[2])  # without its scheme
    return headers


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
