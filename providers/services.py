"""All writing of providers.

Each function is one transaction, counted in `providers_revision` and recorded in the audit. After the commit,
and before the function returns, this process's listeners are told (`changes`) and the reference's file is
written (`providers.files.services`).
"""

from __future__ import annotations

from collections.abc import Mapping

from gateway.kernel import audit
from gateway.kernel.principal import Principal
from providers import revisions
from providers.catalog.store import boot_from_settings
from providers.errors import BadImport, BadProvider, UnknownProvider
from providers.fields import rows
from providers.files import importing
from providers.files.services import changing
from providers.models import Provider, ProviderClear


def get(name: str) -> Provider:
    """Return the row of a name.

    Raises `UnknownProvider`.
    """
    row = Provider.objects.filter(name=name).first()
    if row is None:
        raise UnknownProvider(name)
    return row


def listed() -> list[Provider]:
    """Return every row by name, in the order of bytes."""
    return sorted(Provider.objects.all(), key=lambda row: row.name.encode())


def upsert(values: Mapping[str, object], *, principal: Principal) -> Provider:
    """Add a provider or replace one, with fields as in the API; null and "" mean "not given".

    The stored key stays when none is given, and so do fields that the reference does not have. Raises
    `BadProvider`.
    """
    fields = rows.checked_upsert(values)
    with changing():
        return rows.put(fields, principal=principal)


def import_text(text: str, *, principal: Principal) -> int:
    """Store every provider of an import file, or none of them, and return their number.

    Raises `BadImport` naming the line.
    """
    checked = []
    for entry in importing.parse(text):
        try:
            checked.append(rows.checked_upsert(entry.fields))
        except BadProvider as exc:
            raise BadImport(str(exc), entry.line) from exc
    if checked:
        with changing():
            for fields in checked:
                rows.put(fields, principal=principal)
    return len(checked)


def change(name: str, values: Mapping[str, object], *, principal: Principal) -> Provider:
    """Change only what is given; null empties a field: `api_key: null` forgets the stored key.

    Raises `UnknownProvider`, `BadProvider`.
    """
    fields = rows.checked_change(name, values)
    with changing():
        return rows.save(_locked(name), fields, principal=principal)


def enable(name: str, *, principal: Principal) -> Provider:
    """Put a provider back into use."""
    return change(name, {"enabled": True}, principal=principal)


def disable(name: str, *, principal: Principal) -> Provider:
    """Take a provider out of every choice.

    Running calls end by themselves.
    """
    return change(name, {"enabled": False}, principal=principal)


def clear(name: str, *, principal: Principal) -> None:
    """Reset a provider for the operator, in every process.

    The cooldown of the provider's own key ends, its circuit breaker closes, and whether it has the Responses
    API is asked anew. Holds for the settings' providers, too. Raises `UnknownProvider`.
    """
    boot = boot_from_settings()
    own = (boot.anthropic, boot.openai, boot.beside)
    if name not in [record.name for record in own if record is not None]:
        get(name)
    with revisions.change():
        ProviderClear.objects.update_or_create(provider=name, defaults={"revision": revisions.current()})
        audit.record(principal, "provider.clear", f"provider:{name}", None, None)


def remove(name: str, *, principal: Principal) -> None:
    """Delete a provider.

    Routes that name it stay, and pass over it. Raises `UnknownProvider`.
    """
    with changing():
        rows.remove(_locked(name), principal=principal)


def _locked(name: str) -> Provider:
    row = Provider.objects.select_for_update().filter(name=name).first()
    if row is None:
        raise UnknownProvider(name)
    return row
