"""Command lines as providers: where their login is, and how long they may take. Sync."""

from __future__ import annotations

from django.conf import settings

from providers.catalog.records import CLAUDE_CLI, ProviderRecord, Timeouts, key_credential
from providers.drivers.table import DRIVERS
from providers.models import Provider

LOGIN_FILES = (".credentials.json", "credentials.json")
AFTER_SECONDS = 60.0
"""Time that a limit of the kind's own is let to end a call before ours does."""


def command_line(name: str) -> ProviderRecord:
    """Return a command line as a provider. Without accounts it has the login of CLAUDE_CODE_HOME, else the API key."""
    options = settings.GATEWAY
    has_login = any((options.CLAUDE_CODE_HOME / file).exists() for file in LOGIN_FILES)
    key = "" if has_login else options.ANTHROPIC_API_KEY
    return ProviderRecord(
        name=name,
        kind=CLAUDE_CLI,
        base_url="",
        credential=key_credential(key) if key else None,
        is_stored_first=True,
        timeouts=_of_command_lines(),
    )


def _of_command_lines() -> Timeouts:
    """Return timeouts that leave it to the kind to end a call: first it may wait, then run."""
    limit = settings.GATEWAY.CLI_TIMEOUT_SECONDS
    return Timeouts(first_byte_seconds=2 * limit + AFTER_SECONDS, idle_seconds=limit + AFTER_SECONDS)


def timeouts_of(row: Provider) -> Timeouts:
    """Return the timeouts of a row; command lines have some of their own."""
    told = Timeouts(row.connect_timeout_seconds, row.first_byte_timeout_seconds, row.idle_timeout_seconds)
    return (
        _of_command_lines()
        if row.kind in DRIVERS and DRIVERS[row.kind].keeps_logins and told == Timeouts()
        else told
    )
