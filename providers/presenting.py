"""Providers and routes as JSON.

Never a key, nor a ciphertext, nor the value of an extra header.
"""

from __future__ import annotations

from providers.catalog import live
from providers.drivers.base import FIELDS
from providers.drivers.table import REFERENCE_KINDS
from providers.models import POOL, Provider, Route


def reference_record(row: Provider) -> dict[str, object]:
    """Return the redacted record in the reference's order of fields."""
    record: dict[str, object] = {
        "name": row.name,
        "kind": REFERENCE_KINDS.get(row.kind, row.kind),
        "base_url": row.base_url,
    }
    if row.default_model:
        record["default_model"] = row.default_model
    record["models"] = row.model_names
    if row.api_key_env:
        record["api_key_env"] = row.api_key_env
    return {**record, "has_encrypted_api_key": bool(row.encrypted_api_key), "enabled": row.is_enabled}


def record(row: Provider) -> dict[str, object]:
    """Return the same record with our own fields; those that have their default are left out."""
    own = {
        "priority": row.priority if row.priority != 100 else None,
        "responses": row.responses if row.responses != "auto" else None,
        "login": row.login if row.login != POOL else None,
        **{name: row.options.get(name) for name in FIELDS},
        "model_ids": row.model_ids or None,
        "options": {name: value for name, value in row.options.items() if name not in (*FIELDS, "tools")}
        or None,
        "tools": row.options.get("tools"),
        "headers": row.header_names or None,
        "connect_timeout_seconds": row.connect_timeout_seconds,
        "first_byte_timeout_seconds": row.first_byte_timeout_seconds,
        "idle_timeout_seconds": row.idle_timeout_seconds,
    }
    now = {"condition": status(row)}
    return {
        **reference_record(row),
        **{name: value for name, value in (own | now).items() if value is not None},
    }


def status(row: Provider) -> dict[str, object] | None:
    """Return what keeps calls from the provider now.

    None when nothing does, or this process serves nothing.
    """
    found = live.provider_status(row.name) if row.is_enabled else None
    return None if found is None else {"state": found.state, "until": found.until, "reason": found.reason}


def route(row: Route) -> dict[str, object]:
    """Return a route with everything it has."""
    return {
        "model": row.model,
        "provider": row.provider,
        "upstream_model": row.upstream_model or None,
        "priority": row.priority,
        "fallbacks": row.fallbacks,
        "listed": row.is_listed,
        "display_name": row.display_name or None,
    }
