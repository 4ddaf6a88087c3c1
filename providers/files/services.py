"""Import the `providers.lenv` that the Rust router left, once, and keep the file current.

The file holds keys in the reference's encrypted form, so that a way back stays open. It has no place for
providers of other kinds than the Rust router's: one would stop it from starting.
"""

from __future__ import annotations

import logging
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from django.conf import settings
from django.db import DatabaseError, transaction

from gateway.kernel import known_files
from gateway.kernel.principal import GATEWAY, Principal
from gateway.kernel.secrets import REFERENCE_PREFIX, SecretUnreadable, box
from providers.catalog.store import key_context
from providers.drivers.table import REFERENCE_KINDS
from providers.errors import BadProvider
from providers.fields import rows
from providers.files import lenv
from providers.models import Provider
from providers.revisions import change as counted

logger = logging.getLogger(__name__)


@dataclass(slots=True)
class ImportReport:
    """The result of an import of the file.

    `removed`: names of providers that the Rust router has deleted. `problems`: (line, why a record was left out).
    """

    added: int = 0
    removed: list[str] = field(default_factory=list)
    problems: list[tuple[int, str]] = field(default_factory=list)


@contextmanager
def changing() -> Iterator[None]:
    """Open a counted transaction for changes that the file shows: it is written after the commit."""
    with counted():
        transaction.on_commit(sync_quietly)
        yield


def sync_file(*, principal: Principal) -> ImportReport:
    """Import a file that somebody else wrote, then write ours.

    Safe to repeat; raises OSError. Done at start, by every `providers` command, and after each change. `principal`:
    who adopts what is found.
    """
    directory = settings.GATEWAY.DATA_DIR
    with lenv.locked(directory):
        report = _import_foreign(directory, principal)
        lenv.write(directory, lenv.render(_stored(lenv.read(directory))))
    return report


def sync_quietly() -> None:
    """Sync the file at start or after a change, which stands whether or not the file can be written.

    Whoever made the change, a file that somebody has put there is adopted by the gateway.
    """
    try:
        sync_file(principal=GATEWAY)
    except (OSError, DatabaseError) as problem:
        logger.error("Can't write the provider file: %s", problem)


def _import_foreign(directory: Path, principal: Principal) -> ImportReport:
    """Put every record of a foreign file into the database.

    A row that the file lacks stays, unless the file held it when we last wrote it: then the Rust router deleted it.
    """
    report = ImportReport()
    found = lenv.read_foreign(directory)
    if found is None:
        return report
    report.problems += found.problems
    checked: list[dict[str, Any]] = []
    for line, values in found.records:
        try:
            checked.append(rows.checked_upsert(values))
        except BadProvider as exc:
            report.problems.append((line, str(exc)))
    if report.problems and not found.problems:
        known_files.keep_copy(directory / lenv.FILE)
    gone = lenv.last_written(directory) - found.names if found.is_store and not found.problems else set()
    if checked or gone:
        with counted():
            report.added = len([rows.put(fields, principal=principal) for fields in checked])
            report.removed = [name for name in sorted(gone) if _remove(name, principal)]
    logger.info("Provider file imported: %d providers", report.added)
    for name in report.removed:
        logger.warning("Provider %s removed: the Rust router has deleted it", name)
    for line, why in report.problems:
        logger.warning("Provider file, line %d left out: %s", line, why)
    return report


def _remove(name: str, principal: Principal) -> bool:
    """Delete a provider that the file can hold; tell whether it was there."""
    row = Provider.objects.select_for_update().filter(name=name, kind__in=REFERENCE_KINDS).first()
    if row is None:
        return False
    rows.remove(row, principal=principal)
    return True


def _stored(before: lenv.Contents) -> list[dict[str, object]]:
    """Return every row as the file holds it, by name.

    A key that has not changed keeps its text, and so does the file.
    """
    texts = {fields.get("name"): fields.get("encrypted_api_key") for _, fields in before.records}
    found = Provider.objects.filter(kind__in=REFERENCE_KINDS)
    ordered = sorted(found, key=lambda row: row.name.encode())
    return [_file_record(row, texts.get(row.name)) for row in ordered]


def _file_record(row: Provider, before: object) -> dict[str, object]:
    fields: dict[str, object] = {
        "name": row.name,
        "kind": REFERENCE_KINDS[row.kind],
        "base_url": row.base_url,
        "default_model": row.default_model,
        "models": row.model_names,
        "api_key_env": row.api_key_env,
        "encrypted_api_key": _file_key(row, before),
        "enabled": row.is_enabled,
    }
    return {name: value for name, value in fields.items() if value != ""}


def _file_key(row: Provider, before: object) -> str:
    if not row.encrypted_api_key:
        return ""
    secrets, context = box(), key_context(row.name)
    try:
        key = secrets.decrypt(row.encrypted_api_key, context)
    except SecretUnreadable:
        return row.encrypted_api_key if row.encrypted_api_key.startswith(REFERENCE_PREFIX) else ""
    if isinstance(before, str) and before.startswith(REFERENCE_PREFIX):
        try:
            if secrets.decrypt(before, context) == key:
                return before
        except SecretUnreadable:
            pass
    return secrets.encrypt_for_reference(key)
