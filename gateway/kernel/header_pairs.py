"""Read headers as OpenTelemetry's variables write them: `name=value,name=value`, values percent-encoded."""

from __future__ import annotations

import re
from urllib.parse import unquote

NAME = re.compile(r"[!#$%&'*+.^_`|~0-9A-Za-z-]+")


def parse(raw: str) -> tuple[tuple[str, str], ...]:
    """Return names and values. Raises `ValueError` for what can't be a header."""
    found = []
    for item in raw.split(","):
        if not item.strip():
            continue
        name, sign, value = item.partition("=")
        name, value = name.strip(), unquote(value.strip())
        if not (sign and NAME.fullmatch(name) and value.isascii() and value.isprintable()):
            raise ValueError
        found.append((name, value))
    return tuple(found)
