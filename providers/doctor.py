"""What `doctor` says about providers: where each is, what it is called with, and with `online` whether it answers."""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence

from providers.findings import Finding
from providers.models import Provider
from providers.probing import ask
from providers.records import ANTHROPIC, ProviderRecord
from providers.store import Rows, boot_from_settings, record_of, view_of


def doctor_lines(online: bool, stored: Sequence[Provider] | None = None) -> Iterator[Finding]:
    """The rows by name, then the provider of the settings when it may serve. Changes nothing.

    `stored` are the rows to look at, for a caller that knows that there are none to read; None: the database's.
    A problem: an enabled one whose key or headers can't be had, or that does not answer as a provider does.
    """
    rows = list(Provider.objects.all()) if stored is None else list(stored)
    enabled: list[ProviderRecord] = []
    for row in rows:
        record = record_of(row)
        if row.is_enabled:
            enabled.append(record)
        yield _finding(record, row)
    view = view_of(boot_from_settings(), Rows(rows))
    if view.boot is not None and view.boot.kind != ANTHROPIC and view.boot not in enabled:
        enabled.append(view.boot)
        yield _finding(view.boot, None)
    if online:
        yield from (_asked(record) for record in enabled if record.own_credential() is not None)


def _finding(record: ProviderRecord, row: Provider | None) -> Finding:
    is_enabled = row is None or row.is_enabled
    words, is_problem = _key(record)
    if row is not None and row.encrypted_headers and not record.headers:
        words, is_problem = f"{words}, HEADERS UNREADABLE", True
    state = "enabled" if is_enabled else "disabled"
    place = f"{record.kind} at {record.base_url}{'' if row is not None else ', from the settings'}"
    return Finding(f"provider {record.name}", f"{place} ({state}, {words})", is_problem and is_enabled)


def _key(record: ProviderRecord) -> tuple[str, bool]:
    """What it is called with, and whether that is wrong. A variable is looked for in this environment."""
    name = record.api_key_env
    is_set = bool(name and os.environ.get(name))
    if record.credential is not None and (record.is_stored_first or not is_set):
        return "key stored", False
    if is_set:
        return f"key in {name}", False
    if record.is_key_unreadable:
        return "KEY UNREADABLE", True
    if name:
        return f"NO KEY: {name} is not set", True
    return "no key of its own", False


def _asked(record: ProviderRecord) -> Finding:
    result = ask(record)
    told = f"reachable, {len(result.models)} models" if result.is_ok else result.message
    status = "" if result.status is None else f"{result.status}, "
    text = f"{status}{told} ({result.seconds * 1000:.0f} ms)"
    return Finding(f"online {record.name}", text, not result.is_ok)
