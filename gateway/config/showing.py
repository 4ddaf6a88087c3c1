"""Show options to people: value, default, and where the value comes from. A secret's value is never shown."""

from __future__ import annotations

import os
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from gateway.config import reading
from gateway.config.table import Options, table

ENVIRONMENT = "the environment"


@dataclass(frozen=True, slots=True)
class Shown:
    """One option. `origin`: a flag, a file or the environment; "" where the default holds."""

    name: str
    help: str
    value: str
    origin: str


def shown(names: Iterable[str], options: Options) -> list[Shown]:
    """Return these options as this process has them."""
    known = table()
    return [
        Shown(name, known[name].help, _value(name, getattr(options, name)), origin_of(name)) for name in names
    ]


def origin_of(name: str) -> str:
    """Return what set an option; "": nothing did."""
    given = next((each for each in (name, table()[name].file_name) if os.environ.get(each)), None)
    if given is None:
        return ""
    return reading.origins.get(given, ("", ENVIRONMENT))[1]


def _value(name: str, value: Any) -> str:
    if table()[name].is_secret:
        return "set" if value else "not set"
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, tuple):
        return ", ".join(str(each) for each in value)
    if isinstance(value, float):
        return f"{value:g}" if value < 1e6 else str(int(value))
    return "" if value is None else str(value)
