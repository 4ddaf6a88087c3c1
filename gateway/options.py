"""One option of the gateway: its name, flag, kind and default, and how its text becomes a value. No Django.

The helpers at the end (`text`, `integer`, `switch`, …) make dataclass fields, so that the table in
`gateway/option_table.py` declares name, type and everything else about an option in one place.
"""

from __future__ import annotations

import ipaddress
import math
import os
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from enum import Enum
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

Parse = Callable[[str], Any]


class Empty(Enum):
    """What a variable that is set to nothing means."""

    UNSET = "unset"  # as if it were not there: the default
    KEEP = "keep"  # an empty value
    REFUSE = "refuse"  # a mistake


class ConfigurationError(Exception):
    """The configuration can't be used; the text says which variable and why. Never shows a secret."""


@dataclass(frozen=True, slots=True)
class Option:
    """Everything about one option except its value."""

    flag: str
    help: str
    expected: str  # completes "NAME must be …"
    parse: Parse
    group: str = ""
    name: str = ""
    default_text: str = ""
    is_switch: bool = False
    is_secret: bool = False
    is_list: bool = False
    empty: Empty = Empty.UNSET
    values: tuple[str, ...] = ()

    @property
    def file_name(self) -> str:
        """The variable that names a file holding the value (secrets only)."""
        return f"{self.name}_FILE"

    @property
    def file_flag(self) -> str:
        return f"{self.flag}-file"


TRUE_WORDS = ("true", "1", "yes", "on")
FALSE_WORDS = ("false", "0", "no", "off")


def _boolean(raw: str) -> bool:
    word = raw.lower()
    if word not in TRUE_WORDS + FALSE_WORDS:
        raise ValueError
    return word in TRUE_WORDS


def _whole(minimum: int, maximum: int | None) -> Parse:
    def parse(raw: str) -> int:
        digits = raw.removeprefix("+")
        if not (digits.isascii() and digits.isdecimal()):
            raise ValueError
        value = int(digits)
        if value < minimum or (maximum is not None and value > maximum):
            raise ValueError
        return value

    return parse


def _seconds(minimum: float) -> Parse:
    def parse(raw: str) -> float:
        value = float(raw)
        if not math.isfinite(value) or value < minimum or raw != raw.strip():
            raise ValueError
        return value

    return parse


def _one_of(words: Mapping[str, str]) -> Parse:
    def parse(raw: str) -> str:
        try:
            return words[raw.lower()]
        except KeyError as exc:
            raise ValueError from exc

    return parse


def _time_zone(raw: str) -> str:
    try:
        return raw if raw == "UTC" else ZoneInfo(raw).key
    except (ZoneInfoNotFoundError, OSError) as exc:
        raise ValueError from exc


def _address(raw: str) -> str:
    bracketed = raw.startswith("[") and raw.endswith("]")
    address = ipaddress.ip_address(raw[1:-1] if bracketed else raw)
    if bracketed != (address.version == 6):
        raise ValueError
    return raw


def _url(schemes: tuple[str, ...]) -> Parse:
    def parse(raw: str) -> str:
        parts = urlsplit(raw)
        if parts.scheme not in schemes or not parts.hostname or raw != raw.strip():
            raise ValueError
        parts.port  # noqa: B018 - raises ValueError for a port that is none
        if parts.username is not None or parts.query or parts.fragment:
            raise ValueError
        return raw

    return parse


def _scheme_of(schemes: tuple[str, ...]) -> Parse:
    def parse(raw: str) -> str:
        if urlsplit(raw).scheme not in schemes or "://" not in raw:
            raise ValueError
        return raw

    return parse


def _items(raw: str) -> tuple[str, ...]:
    return tuple(item.strip() for item in raw.split(",") if item.strip())


def _items_verbatim(raw: str) -> tuple[str, ...]:
    return tuple(raw.split(","))


def _directories(raw: str) -> tuple[Path, ...]:
    items = raw.split(",")
    if "" in items:
        raise ValueError
    return tuple(Path(item) for item in items)


def _networks(raw: str) -> tuple[str, ...]:
    return tuple(str(ipaddress.ip_network(item, strict=False)) for item in _items(raw))


def _field(option: Option, default: Any) -> Any:
    return field(default=default, repr=not option.is_secret, metadata={"option": option})


def text(flag: str, default: str, help: str, *, empty: Empty = Empty.UNSET) -> Any:
    expected = "a text that is not empty" if empty is Empty.REFUSE else "a text"
    return _field(Option(flag, help, expected, str, default_text=default, empty=empty), default)


def secret(flag: str, help: str) -> Any:
    return _field(Option(flag, help, "a text", str, is_secret=True), "")


def secret_list(flag: str, help: str) -> Any:
    return _field(Option(flag, help, "a comma list", _items, is_secret=True, is_list=True), ())


def secret_url(flag: str, help: str, *, schemes: tuple[str, ...]) -> Any:
    expected = "a URL that starts with " + " or ".join(f"{scheme}://" for scheme in schemes)
    return _field(Option(flag, help, expected, _scheme_of(schemes), is_secret=True), "")


def switch(flag: str, help: str, *, default: bool = False) -> Any:
    expected = "one of: true, false, 1, 0, yes, no, on, off"
    option = Option(
        flag,
        help,
        expected,
        _boolean,
        default_text=str(default).lower(),
        is_switch=True,
        empty=Empty.REFUSE,
        values=("true", "false"),
    )
    return _field(option, default)


def integer(
    flag: str,
    default: int,
    help: str,
    *,
    minimum: int = 0,
    maximum: int | None = None,
    empty: Empty = Empty.UNSET,
) -> Any:
    expected = f"a whole number from {minimum}" + ("" if maximum is None else f" to {maximum}")
    option = Option(flag, help, expected, _whole(minimum, maximum), default_text=str(default), empty=empty)
    return _field(option, default)


def seconds(flag: str, default: float, help: str, *, minimum: float = 0) -> Any:
    expected = f"a number of seconds, at least {minimum:g}"
    return _field(Option(flag, help, expected, _seconds(minimum), default_text=f"{default:g}"), default)


def choice(
    flag: str,
    default: str,
    help: str,
    *,
    words: Mapping[str, str],
    empty: Empty = Empty.UNSET,
) -> Any:
    """`words`: every accepted spelling (lower case) to the value it means; the first of each is shown."""
    values = tuple(dict.fromkeys(words.values()))
    expected = "one of: " + ", ".join(values)
    option = Option(flag, help, expected, _one_of(words), default_text=default, empty=empty, values=values)
    return _field(option, default)


def address(flag: str, default: str, help: str) -> Any:
    expected = "an IP address, IPv6 in brackets"
    return _field(Option(flag, help, expected, _address, default_text=default, empty=Empty.REFUSE), default)


def url(flag: str, default: str, help: str, *, empty: Empty = Empty.REFUSE) -> Any:
    expected = "a URL: http:// or https://, a host, no user, query or fragment"
    parse = _url(("http", "https"))
    return _field(Option(flag, help, expected, parse, default_text=default, empty=empty), default)


def time_zone(flag: str, default: str, help: str) -> Any:
    expected = "a time zone of the tz database, such as UTC or Europe/Berlin"
    return _field(Option(flag, help, expected, _time_zone, default_text=default), default)


def items(flag: str, default: str, help: str) -> Any:
    option = Option(flag, help, "a comma list", _items, default_text=default, is_list=True, empty=Empty.KEEP)
    return _field(option, _items(default))


def items_verbatim(flag: str, help: str) -> Any:
    """A comma list whose items keep their blanks, as the reference reads it."""
    return _field(Option(flag, help, "a comma list", _items_verbatim, is_list=True), ())


def directories(flag: str, help: str) -> Any:
    expected = "a comma list of directories, none of them empty"
    return _field(Option(flag, help, expected, _directories, is_list=True, empty=Empty.REFUSE), ())


def networks(flag: str, help: str) -> Any:
    expected = "a comma list of IP addresses or networks (10.0.0.0/8)"
    return _field(Option(flag, help, expected, _networks, is_list=True), ())


def home_directory(flag: str, name: str, without_home: str, help: str, *, empty: Empty) -> Any:
    """A directory below the user's home; `without_home` is the home when HOME is not set."""
    option = Option(flag, help, "a directory", Path, default_text=f"$HOME/{name}", empty=empty)

    def default() -> Path:
        return Path(os.environ.get("HOME", without_home)) / name

    return field(default_factory=default, metadata={"option": option})
