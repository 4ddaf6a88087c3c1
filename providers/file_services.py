"""Database and `providers.lenv`: import once what the Rust router left, keep the file current.

The file holds keys in the reference's encrypted form, so that a way back stays open. It has no place for providers of
kind `anthropic`: one would stop the Rust router from starting.
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

from providers import files, rows
from providers.errors import BadProvider, SecretUnreadable
from providers.models import Kind, Provider
from providers.presenting import WIRE_KINDS
from providers.revisions import change as counted
from providers.secrets import REFERENCE_PREFIX, box
from providers.store import key_context

logger = logging.getLogger(__name__)


@dataclass(slots=True)
class ImportReport:
    """What an import of the file did. `problems`: (line, why a record was left out)."""

    added: int = 0
    problems: list[tuple[int, str]] = field(default_factory=list)


@contextmanager
def changing() -> Iterator[None]:
    """`counted`, for changes that the file shows: it is written after the commit."""
    with counted():
        transaction.on_commit(sync_quietly)
        yield


def sync_file() -> ImportReport:
    """Imports a file that somebody else wrote, then writes ours. Safe to repeat; raises OSError.

    Done at start, by every `providers` command, and after each change.
    """
    directory = Path(settings.DATA_DIR)
    with files.locked(directory):
        report = _import_foreign(directory)
        files.write(directory, files.render(_stored(files.read(directory))))
    return report


def sync_quietly() -> None:
    """The same after a change, which stands whether or not the file can be written."""
    try:
        sync_file()
    except (OSError, DatabaseError) as problem:
        logger.error("Can't write the provider file: %s", problem)


def _import_foreign(directory: Path) -> ImportReport:
    """Every record that stands in a foreign file is put into the database; none is taken out for standing in none."""
    report = ImportReport()
    found = files.read_foreign(directory)
    if found is None:
        return report
    report.problems += found.problems
    checked: list[dict[str, Any]] = []
    for line, values in found.records:
        try:
            checked.append(rows.checked_upsert(values))
        except BadProvider as exc:
            report.problems.append((line, str(exc)))
    if checked:
        with counted():
            report.added = len([rows.put(fields) for fields in checked])
    logger.info("Provider file imported: %d providers", report.added)
    for line, why in report.problems:
        logger.warning("Provider file, line %d left out: %s", line, why)
    return report


def _stored(before: files.Contents) -> list[dict[str, object]]:
    """Every row as the file holds it, by name. A key that has not changed keeps its text, and so does the file."""
    texts = {fields.get("name"): fields.get("encrypted_api_key") for _, fields in before.records}
    found = Provider.objects.filter(kind=Kind.OPENAI_COMPATIBLE)
    ordered = sorted(found, key=lambda row: row.name.encode())
    return [_file_record(row, texts.get(row.name)) for row in ordered]


def _file_record(row: Provider, before: object) -> dict[str, object]:
    fields: dict[str, object] = {
        "name": row.name,
        "kind": WIRE_KINDS[row.kind],
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
