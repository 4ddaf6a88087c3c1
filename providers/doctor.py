"""The lines of `doctor` about providers.

They say where each is, what it is called with, and with `online` whether it answers.
"""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence

from gateway.kernel.findings import Finding
from providers.catalog.records import ProviderRecord
from providers.catalog.store import Rows, boot_from_settings, record_of, view_of
from providers.drivers.table import DRIVERS
from providers.fields.own_secrets import problem
from providers.models import Provider
from providers.probing import ask

NO_USE = "KEY OF NO USE"


def doctor_lines(online: bool, stored: Sequence[Provider] | None = None) -> Iterator[Finding]:
    """Yield a finding for each row by name, then for the provider of the settings when it may serve.

    Changes nothing. `stored` are the rows to look at, for a caller that knows that there are none to read;
    None: the database's. A problem: an enabled one whose key or headers can't be had, or that does not answer
    as a provider does.
    """
    rows = list(Provider.objects.all()) if stored is None else list(stored)
    enabled: list[ProviderRecord] = []
    for row in rows:
        record = record_of(row)
        if row.is_enabled:
            enabled.append(record)
        yield _finding(record, row)
    boot = boot_from_settings()
    view = view_of(boot, Rows(rows))
    if view.boot is not None and view.boot is boot.chosen and view.boot not in enabled:
        enabled.append(view.boot)
        yield _finding(view.boot, None)
    for own in (boot.anthropic, boot.beside):
        if own is not None and DRIVERS[own.kind].keeps_logins and view.providers.get(own.name) is own:
            enabled.append(own)
            yield _finding(own, None)
    if online:
        yield from (_asked(record) for record in enabled if record.own_credential() is not None)


def _finding(record: ProviderRecord, row: Provider | None) -> Finding:
    is_enabled = row is None or row.is_enabled
    words, is_problem = _key(record)
    if identity := identity_of(record):
        words, is_problem = f"{words}, {identity}", is_problem or identity.startswith(NO_USE)
    if row is not None and row.encrypted_headers and not record.headers:
        words, is_problem = f"{words}, HEADERS UNREADABLE", True
    if lacking := DRIVERS[record.kind].lacking() if record.kind in DRIVERS else "":
        words, is_problem = f"{words}, {lacking}", True
    state = "enabled" if is_enabled else "disabled"
    address = f" at {record.base_url}" if record.base_url else ""
    place = f"{record.kind}{address}{'' if row is not None else ', from the settings'}"
    return Finding(f"provider {record.name}", f"{place} ({state}, {words})", is_problem and is_enabled)


def identity_of(record: ProviderRecord) -> str:
    """Return whom its key makes us there, or why it is of no use; "" when there is nothing to tell."""
    credential, driver = record.own_credential(), DRIVERS.get(record.kind)
    if credential is None or driver is None:
        return ""
    if wrong := driver.problem(record.options, credential.secret):
        return f"{NO_USE}: {wrong[1]}"
    return driver.identity(record.options, credential.secret)


def _key(record: ProviderRecord) -> tuple[str, bool]:
    """Return what the provider is called with, and whether that is wrong.

    A variable is looked for in this environment.
    """
    if record.own_secret:
        return f"PASSED OVER: {problem(record.own_secret)}", True
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
    return "each caller's own login" if record.takes_callers_login else "no key of its own", False


def _asked(record: ProviderRecord) -> Finding:
    result = ask(record)
    told = f"reachable, {len(result.models)} models" if result.is_ok else result.message
    status = "" if result.status is None else f"{result.status}, "
    text = f"{status}{told} ({result.seconds * 1000:.0f} ms)"
    return Finding(f"online {record.name}", text, not result.is_ok)
