"""Names of variables that hold secrets of this gateway: no provider and no account may be called with one."""

from __future__ import annotations

import os
import unicodedata
from pathlib import Path

from django.conf import settings

OTHER_NAMES = frozenset(
    ("SECRET_KEY", "DATA_ENCRYPTION_KEYS", "PGPASSWORD", "PGPASSFILE", "DJANGO_SUPERUSER_PASSWORD")
)
"""What Django, its commands and PostgreSQL's library read beside our options."""
FILE_SUFFIX = "_FILE"
SETTINGS_FILES = (".env", ".lenv")
OWN_FILES = ("*.sqlite3*", "tokens.*", "providers.*", "*.spool")
"""In the data directory."""


def is_own(name: str) -> bool:
    """Tell whether `name` is one of our options that are secrets, or the variable that names its file."""
    return is_among(name, settings.OWN_SECRETS)


def is_among(name: str, secrets: frozenset[str]) -> bool:
    """Tell the same for whoever reads the options.

    However it is written: blanks, control characters and case count for nothing.
    """
    text = unicodedata.normalize("NFKC", name)
    word = "".join(letter for letter in text if letter.isprintable() and not letter.isspace()).upper()
    return bool({word, word.removesuffix(FILE_SUFFIX)} & (OTHER_NAMES | secrets))


def is_own_file(path: Path) -> bool:
    """Tell whether a path leads to our settings, our stores, or the file of one of our secrets."""
    real = Path(os.path.realpath(path))  # which takes a loop of links as it is
    if real.name in SETTINGS_FILES:
        return True
    if str(real.parent) == os.path.realpath(settings.GATEWAY.DATA_DIR) and any(map(real.match, OWN_FILES)):
        return True
    named = (os.environ.get(name + FILE_SUFFIX) for name in settings.OWN_SECRETS)
    return any(os.path.realpath(file) == str(real) for file in named if file)


def problem(name: str) -> str:
    """Say why it is refused."""
    return f"{name.strip()} is a secret of this gateway, not of a provider"
