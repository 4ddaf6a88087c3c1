"""From what was given to what stands in a provider's row. Callers bring the transaction."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from providers.errors import BadProvider, SecretUnreadable
from providers.models import Kind, Provider
from providers.secrets import box
from providers.store import headers_context, key_context
from providers.validation import clean

REPLACED: dict[str, Any] = {
    "kind": Kind.OPENAI_COMPATIBLE.value,
    "default_model": "",
    "models": [],
    "api_key_env": "",
    "enabled": True,
}
"""The reference's fields: what an upsert makes of those that are not given. Ours stay as they are."""
COLUMNS = {"models": "model_names", "enabled": "is_enabled"}
"""Names on the wire that are others in the row."""
EMPTIED: dict[str, object] = {
    "api_key": "",
    "api_key_env": "",
    "default_model": "",
    "models": [],
    "headers": {},
}
"""What null means in a change."""
NOT_COLUMNS = ("name", "api_key", "encrypted_api_key", "headers")


def checked_upsert(values: Mapping[str, object]) -> dict[str, Any]:
    """The fields of an upsert, checked and completed; null and "" = not given. Raises `BadProvider`."""
    for required in ("name", "base_url"):
        if values.get(required) is None:
            raise BadProvider(required, f"{required} is required")
    given = {field: value for field, value in values.items() if value is not None and value != ""}
    return {**REPLACED, **clean({**given, "name": values["name"], "base_url": values["base_url"]})}


def checked_change(name: str, values: Mapping[str, object]) -> dict[str, Any]:
    """The fields of a change, checked; null empties a field. Raises `BadProvider`."""
    given = {
        field: EMPTIED[field] if value is None and field in EMPTIED else value
        for field, value in values.items()
    }
    fields = clean(given)
    if fields.pop("name", name) != name:
        raise BadProvider("name", "name can't be changed: add another provider")
    return fields


def put(fields: Mapping[str, Any]) -> Provider:
    """Adds or replaces the row of `fields["name"]`."""
    row = Provider.objects.select_for_update().filter(name=fields["name"]).first()
    row = row or Provider(name=fields["name"])
    apply(row, fields)
    row.save()
    return row


def apply(row: Provider, fields: Mapping[str, Any]) -> None:
    """Sets what was given. Secrets are encrypted here and nowhere else."""
    for field, value in fields.items():
        if field not in NOT_COLUMNS:
            setattr(row, COLUMNS.get(field, field), value)
    if "api_key" in fields:
        key = fields["api_key"]
        row.encrypted_api_key = box().encrypt(key, key_context(row.name)) if key else ""
    elif fields.get("encrypted_api_key"):
        row.encrypted_api_key = own_form(fields["encrypted_api_key"], row.name)
    if "headers" in fields:
        headers = fields["headers"]
        row.header_names = sorted(headers)
        text = json.dumps(headers)
        row.encrypted_headers = box().encrypt(text, headers_context(row.name)) if headers else ""


def own_form(stored: str, name: str) -> str:
    """A key that was encrypted elsewhere, encrypted as ours. One that does not open is kept as it is: calls that need
    it fail, and say so."""
    try:
        return box().encrypt(box().decrypt(stored, key_context(name)), key_context(name))
    except SecretUnreadable:
        return stored
