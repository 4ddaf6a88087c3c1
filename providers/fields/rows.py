"""Turn given fields into a provider's row.

Callers bring the transaction.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from typing import Any

from gateway.kernel import audit
from gateway.kernel.parts import PARTS, Key
from gateway.kernel.principal import Principal
from gateway.kernel.secrets import SecretUnreadable, box
from providers import auditing
from providers.catalog.store import headers_context, key_context
from providers.drivers.base import FIELDS
from providers.drivers.openai_compatible import ONLY, TOOLS
from providers.drivers.table import DEFAULT_KIND, DRIVERS
from providers.errors import BadProvider
from providers.fields.validation import clean
from providers.models import CALLER, POOL, Provider, ProviderClear

REPLACED: dict[str, Any] = {
    "kind": DEFAULT_KIND,
    "default_model": "",
    "models": [],
    "api_key_env": "",
    "enabled": True,
}
"""The reference's fields, with what an upsert makes of those that are not given. Ours stay as they are."""
COLUMNS = {"models": "model_names", "enabled": "is_enabled"}
"""Names in the API whose columns are named otherwise."""
EMPTIED: dict[str, object] = {
    "api_key": "",
    "api_key_env": "",
    "default_model": "",
    "login": POOL,
    "models": [],
    "headers": {},
    "options": {},
    "tools": TOOLS[0],
    "model_ids": {},
    **dict.fromkeys(("base_url", *FIELDS), ""),
}
"""The value that null stands for in a change."""
OWN_FIELDS = ("tools", *FIELDS)
"""Options that have fields of their own."""
NOTHING_SAID = (("tools", None), ("tools", TOOLS[0]))
NOT_COLUMNS = ("name", "api_key", "encrypted_api_key", "headers", "options", "tools", *FIELDS)


def checked_upsert(values: Mapping[str, object]) -> dict[str, Any]:
    """Return the fields of an upsert, checked and completed; null and "" = not given.

    Raises `BadProvider`.
    """
    if values.get("name") is None:
        raise BadProvider("name", "name is required")
    given = {field: value for field, value in values.items() if value is not None and value != ""}
    base_url = values.get("base_url")
    fields = {
        **REPLACED,
        **clean({"name": values["name"], **given, "base_url": "" if base_url is None else base_url}),
    }
    _check_address(fields["kind"], fields["base_url"])
    return fields


def checked_change(name: str, values: Mapping[str, object]) -> dict[str, Any]:
    """Return the fields of a change, checked; null empties a field.

    Raises `BadProvider`.
    """
    given = {
        field: EMPTIED[field] if value is None and field in EMPTIED else value
        for field, value in values.items()
    }
    fields = clean(given)
    if fields.pop("name", name) != name:
        raise BadProvider("name", "name can't be changed: add another provider")
    return fields


def _check_address(kind: str, base_url: str) -> None:
    """Check that there is an address where the kind has one, and none where it has none."""
    driver = DRIVERS.get(kind)
    if driver is None or driver.has_address:
        if not base_url and (driver is None or driver.needs_base_url):
            raise BadProvider("base_url", "base_url is required")
    elif base_url:
        raise BadProvider("base_url", f"base_url: kind {kind} has none")


def put(fields: Mapping[str, Any], *, principal: Principal) -> Provider:
    """Add or replace the row of `fields["name"]`, and record it."""
    row = Provider.objects.select_for_update().filter(name=fields["name"]).first()
    if row is None:
        return save(Provider(name=fields["name"]), fields, principal=principal)
    return save(row, fields, principal=principal)


def save(row: Provider, fields: Mapping[str, Any], *, principal: Principal) -> Provider:
    """Set what was given, write the row, and record it."""
    before = None if row.pk is None else auditing.of_provider(row)
    check_logins(row, fields)
    apply(row, fields)
    row.save()
    action = "provider.create" if before is None else "provider.change"
    audit.record(principal, action, f"provider:{row.name}", before, auditing.of_provider(row))
    return row


def remove(row: Provider, *, principal: Principal) -> None:
    """Delete the row, and record it."""
    audit.record(principal, "provider.remove", f"provider:{row.name}", auditing.of_provider(row), None)
    ProviderClear.objects.filter(provider=row.name).delete()
    row.delete()


def apply(row: Provider, fields: Mapping[str, Any]) -> None:
    """Set what was given.

    Secrets are encrypted here and nowhere else.
    """
    if fields.get("kind", row.kind) != row.kind:
        row.options, row.model_ids = {}, {}  # those of another kind
    for field, value in fields.items():
        if field not in NOT_COLUMNS:
            setattr(row, COLUMNS.get(field, field), value)
    row.options = options_of(row, fields)
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
    check_of_kind(row, fields)


def options_of(row: Provider, fields: Mapping[str, Any]) -> dict[str, str]:
    """Return the options that a row will have; `tools` and what is of clouds alone have fields of their own."""
    is_same = fields.get("kind", row.kind) == row.kind
    stored = row.options if is_same else {}
    own = {name: text for name, text in stored.items() if name in OWN_FIELDS}
    given = {name: fields[name] for name in FIELDS if name in fields}
    if fields.get("tools"):
        given["tools"] = fields["tools"]
    options = {**own, **fields.get("options", stored), **given}
    options = {name: text for name, text in options.items() if text or name not in FIELDS}
    return {name: value for name, value in options.items() if (name, value) not in NOTHING_SAID}


LOGINS: Key[Callable[[str, str], str | None]] = Key("logins of providers")
"""Says what is wrong with the accounts of a provider, by its name, should it be of a kind; None: nothing."""


def check_logins(row: Provider, fields: Mapping[str, Any]) -> None:
    """Refuse a new kind that the provider's own accounts can't be called with. Raises `BadProvider`."""
    kind, problem_of = fields.get("kind", row.kind), PARTS.get(LOGINS)
    if problem_of is None or (row.pk is not None and kind == row.kind):
        return
    problem = problem_of(row.name or fields.get("name", ""), kind)
    if problem is not None:
        raise BadProvider("kind", f"kind: {problem}")


def check_of_kind(row: Provider, fields: Mapping[str, Any]) -> None:
    """Check what only the kind can judge: `fields` over what the row has. Raises `BadProvider`."""
    driver = DRIVERS.get(fields.get("kind", row.kind))
    options = options_of(row, fields)
    if driver is None:
        return
    for name in (*FIELDS, "model_ids"):
        if (fields.get(name) or options.get(name)) and name not in driver.fields:
            raise BadProvider(name, f"kind {driver.kind} has no {name}")
    clean({name: text for name, text in options.items() if name in FIELDS})
    if fields.get("login", row.login) == CALLER and not driver.takes_callers_login:
        raise BadProvider("login", f"login: kind {driver.kind} takes no caller's login")
    if fields.get("tools") is not None and "tools" not in driver.options:
        raise BadProvider("tools", f"tools: kind {driver.kind} has no such field")
    if options.get("tools") == "xml" and fields.get("responses", row.responses) == ONLY:
        raise BadProvider("tools", "tools: xml goes by Chat Completions, which responses=only excludes")
    if "base_url" in fields or "kind" in fields:
        _check_address(driver.kind, fields.get("base_url", row.base_url))
    for name in options:
        if name not in driver.options:
            known = ", ".join(driver.options) or "none"
            raise BadProvider("options", f"kind {driver.kind} has no option {name[:40]!r} (it has: {known})")
    problem = driver.problem(options, fields["api_key"] if "api_key" in fields else _stored_key(row))
    if problem is not None:
        raise BadProvider(*problem)


def _stored_key(row: Provider) -> str:
    try:
        return box().decrypt(row.encrypted_api_key, key_context(row.name)) if row.encrypted_api_key else ""
    except SecretUnreadable:
        return ""


def own_form(stored: str, name: str) -> str:
    """Return a key that was encrypted elsewhere, encrypted as ours.

    One that does not open is kept as it is: calls that need it fail, and say so.
    """
    try:
        return box().encrypt(box().decrypt(stored, key_context(name)), key_context(name))
    except SecretUnreadable:
        return stored
