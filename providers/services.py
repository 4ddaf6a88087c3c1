"""Everything that writes providers. Each function is one transaction, counted in `providers_revision`.

After the commit, and before the function returns, this process's listeners are told (`changes`) and the reference's
file is written (`file_services`).
"""

from __future__ import annotations

from collections.abc import Mapping

from providers import importing, revisions, rows
from providers.errors import BadImport, BadProvider, UnknownProvider
from providers.file_services import changing
from providers.models import Provider, ProviderClear
from providers.store import boot_from_settings


def get(name: str) -> Provider:
    """Raises `UnknownProvider`."""
    row = Provider.objects.filter(name=name).first()
    if row is None:
        raise UnknownProvider(name)
    return row


def listed() -> list[Provider]:
    """Every row by name, in the order of bytes."""
    return sorted(Provider.objects.all(), key=lambda row: row.name.encode())


def upsert(values: Mapping[str, object]) -> Provider:
    """Adds a provider or replaces one, with fields as in the API; null and "" mean that a field is not given.

    The stored key stays when none is given, and so do fields that the reference does not have. Raises `BadProvider`.
    """
    fields = rows.checked_upsert(values)
    with changing():
        return rows.put(fields)


def import_text(text: str) -> int:
    """Every provider of an import file, or none of them; how many. Raises `BadImport` naming the line."""
    checked = []
    for entry in importing.parse(text):
        try:
            checked.append(rows.checked_upsert(entry.fields))
        except BadProvider as exc:
            raise BadImport(str(exc), entry.line) from exc
    if checked:
        with changing():
            for fields in checked:
                rows.put(fields)
    return len(checked)


def change(name: str, values: Mapping[str, object]) -> Provider:
    """Changes only what is given; null empties: `api_key: null` forgets the stored key.

    Raises `UnknownProvider`, `BadProvider`.
    """
    fields = rows.checked_change(name, values)
    with changing():
        row = _locked(name)
        rows.apply(row, fields)
        row.save()
        return row


def enable(name: str) -> Provider:
    """Puts a provider back."""
    return change(name, {"enabled": True})


def disable(name: str) -> Provider:
    """Takes a provider out of every choice. Running calls end by themselves."""
    return change(name, {"enabled": False})


def clear(name: str) -> None:
    """The operator's reset, in every process: the rest of the provider's own key ends, its breaker closes, and
    whether it has the Responses API is asked anew. Holds for the settings' providers, too. Raises `UnknownProvider`.
    """
    boot = boot_from_settings()
    if name not in (boot.anthropic.name, boot.openai and boot.openai.name):
        get(name)
    with revisions.change():
        ProviderClear.objects.update_or_create(provider=name, defaults={"revision": revisions.current()})


def remove(name: str) -> None:
    """Deletes a provider. Routes that name it stay, and pass over it. Raises `UnknownProvider`."""
    with changing():
        _locked(name).delete()
        ProviderClear.objects.filter(provider=name).delete()


def _locked(name: str) -> Provider:
    row = Provider.objects.select_for_update().filter(name=name).first()
    if row is None:
        raise UnknownProvider(name)
    return row
