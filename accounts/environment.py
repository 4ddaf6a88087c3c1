"""Accounts that the environment names.

`primary` is CLAUDE_CODE_HOME, `account-1`, `account-2` … are ADDITIONAL_ACCOUNT_DIRS in order, `api-key` is
ANTHROPIC_API_KEY and comes last. `primary` is left out in one case: there is an API key, the home is
merely the default one, and it holds no credential file.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from django.conf import settings

from accounts.credentials.files import FILE_NAMES
from accounts.models import Source

API_KEY_POSITION = 900
DEFAULT_DIRECTORY = ".claude"


@dataclass(frozen=True, slots=True)
class Named:
    """One account as the environment wants it."""

    name: str
    source: str
    location: str
    position: int
    provider: str = "anthropic"


def named_by_environment() -> list[Named]:
    """Return the accounts that the environment names, in the order in which they are listed."""
    options = settings.GATEWAY
    home, has_key = options.CLAUDE_CODE_HOME, bool(options.ANTHROPIC_API_KEY)
    is_default_home = home.name == DEFAULT_DIRECTORY and home.parent in (Path.home(), Path("/root"))
    wanted = []
    if not (has_key and is_default_home and not _has_files(home)):
        wanted.append(Named("primary", Source.DIRECTORY, str(home), 0))
    for number, directory in enumerate(options.ADDITIONAL_ACCOUNT_DIRS, start=1):
        wanted.append(Named(f"account-{number}", Source.DIRECTORY, str(directory), number))
    if has_key:
        wanted.append(Named("api-key", Source.ENVIRONMENT, "ANTHROPIC_API_KEY", API_KEY_POSITION))
    return wanted


def _has_files(home: Path) -> bool:
    return any((home / name).exists() for name in FILE_NAMES)
