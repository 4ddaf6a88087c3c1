"""Findings of `doctor` about accounts: every source is looked into, and asked with `online`."""

from __future__ import annotations

import time
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path

from accounts.credentials.files import FILE_NAMES
from accounts.credentials.sources import keeps_login, load_secret, read_home
from accounts.environment import named_by_environment
from accounts.errors import AccountError
from accounts.models import Account, Cooldown, Source
from accounts.pool.state import Loaded
from accounts.probing import ask
from gateway.kernel.findings import Finding
from gateway.kernel.moments import end_for_people
from gateway.kernel.secrets import box
from providers.upstream import CredentialKind


def doctor_lines(online: bool, stored: Sequence[Account] | None = None) -> list[Finding]:
    """Return the findings: the environment's accounts first, as the reference names them, then the others.

    Changes nothing.

    `stored` are the rows to look at, for a caller that knows that none can be read; None: the database's.
    A problem: a source without a usable token, an expired one that can't be refreshed, a refused one.
    """
    rows = list(Account.objects.all()) if stored is None else list(stored)
    found = [_finding(_label(row), row) for row in _listed(rows)]
    if online:
        found.extend(_asked(row.name) for row in rows if not (row.is_absent or row.is_paused))
    return found


def _listed(stored: Sequence[Account]) -> list[Account]:
    """Return what the environment names now, whether or not a server knows it, then the stored ones."""
    rows = {row.name: row for row in stored}
    listed = []
    for named in named_by_environment():
        row = rows.get(named.name) or Account(name=named.name)
        row.source, row.location, row.provider, row.is_absent = (
            named.source,
            named.location,
            named.provider,
            False,
        )
        listed.append(row)
    names = {row.name for row in listed}
    return listed + [row for row in rows.values() if row.name not in names and not row.is_absent]


def _label(row: Account) -> str:
    if row.name == "primary":
        return "primary credentials"
    if row.name.startswith("account-") and row.source == Source.DIRECTORY:
        return f"extra account {row.name.removeprefix('account-')}"
    return f"account {row.name}"


def _finding(label: str, row: Account) -> Finding:
    reading = read_home(row)
    loaded = load_secret(row, reading, box(), keeps_login(row))
    if loaded.credential is not None and loaded.credential.kind is CredentialKind.HOME:
        return Finding(
            label, f"{row.location} (read by the command line{', paused' if row.is_paused else ''})"
        )
    words, is_problem = _words(row, loaded)
    if reading is None:
        return Finding(label, words, is_problem)
    path = reading.path or Path(row.location) / FILE_NAMES[0]
    if loaded.credential is None and not _has_files(row):
        return Finding(label, f"{path} (MISSING)", is_problem)
    notes = "".join(f"; {warning}" for warning in reading.warnings)
    return Finding(label, f"{path} (found, {words}){notes}", is_problem)


def _words(row: Account, loaded: Loaded) -> tuple[str, bool]:
    paused = ", paused" if row.is_paused else ""
    credential, now = loaded.credential, time.time()
    if credential is None:
        return ("LOGGED OUT" if loaded.is_logged_out else "NO TOKEN") + paused, not row.is_paused
    if row.needs_login and row.dead_fingerprint == credential.fingerprint:
        return f"token {credential.fingerprint} NEEDS A NEW LOGIN{paused}", not row.is_paused
    if loaded.is_expired(now):
        fate = ", will be refreshed" if loaded.has_refresh else " and has no refresh token"
        return f"token EXPIRED {_date(credential.expires_at)}{fate}{paused}", not loaded.has_refresh
    until = "" if credential.expires_at is None else f", expires {_date(credential.expires_at)}"
    return f"token OK{until}{_cooldown(row, credential.fingerprint, now)}{paused}", False


def _cooldown(row: Account, fingerprint: str, now: float) -> str:
    """Tell until when the account takes no calls, or none for some models; "" = it takes them."""
    if row.pk is None:
        return ""
    found = Cooldown.objects.filter(account_id=row.pk, fingerprint=fingerprint, until__gt=now)
    told = [
        f"{end_for_people(one.until, now)}{f' for {one.value}' if one.value else ''} ({one.reason})"
        for one in found.order_by("-until")
    ]
    return f", but on cooldown {'; '.join(told)}" if told else ""


def _date(moment: float | None) -> str:
    return datetime.fromtimestamp(moment or 0.0, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def _has_files(row: Account) -> bool:
    return any((Path(row.location) / name).exists() for name in FILE_NAMES)


def _asked(name: str) -> Finding:
    label = f"online {name}"
    try:
        result = ask(name)
    except AccountError as exc:
        return Finding(label, str(exc), is_problem=True)
    return Finding(label, f"{result.told} ({result.seconds * 1000:.0f} ms)", not result.is_ok)
