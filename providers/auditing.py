"""Say what the audit shows of providers, routes and the model map; of secrets only that they changed."""

from __future__ import annotations

from providers.models import ModelMap, Provider, Route

Fields = dict[str, object]


def of_provider(row: Provider) -> Fields:
    """Return the fields as in the API; secrets as they are stored, of which the audit keeps nothing."""
    return _set(
        {
            "name": row.name,
            "kind": row.kind,
            "base_url": row.base_url,
            "default_model": row.default_model,
            "models": row.model_names,
            "api_key": row.encrypted_api_key,
            "api_key_env": row.api_key_env,
            "enabled": row.is_enabled,
            "priority": row.priority,
            "responses": row.responses,
            "login": row.login,
            "options": row.options,
            "model_ids": row.model_ids,
            "headers": row.header_names,
            "encrypted_headers": row.encrypted_headers,
            "connect_timeout_seconds": row.connect_timeout_seconds,
            "first_byte_timeout_seconds": row.first_byte_timeout_seconds,
            "idle_timeout_seconds": row.idle_timeout_seconds,
        }
    )


def of_route(row: Route) -> Fields:
    return _set(
        {
            "model": row.model,
            "provider": row.provider,
            "upstream_model": row.upstream_model,
            "priority": row.priority,
            "fallbacks": row.fallbacks,
            "listed": row.is_listed,
            "display_name": row.display_name,
        }
    )


def of_mapping(row: ModelMap) -> Fields:
    return {"pattern": row.pattern, "target": row.target, "position": row.position}


def _set(fields: Fields) -> Fields:
    """Return the fields with None for what is empty."""
    return {name: None if value in ("", [], {}) else value for name, value in fields.items()}
