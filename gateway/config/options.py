"""One option of the gateway: its name, flag, kind and default, and how its text becomes a value. No Django.

The helpers at the end (`text`, `integer`, `switch`, …) make dataclass fields, so that the table in
`gateway/config/table.py` declares name, type and everything else about an option in one place.
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
    """Meanings of a variable that is set to nothing."""

    UNSET = "unset"  # as if it were not there: the default
    KEEP = "keep"  # an empty value
    REFUSE = "refuse"  # a mistake


class ConfigurationError(Exception):
    """The configuration can't be used; the text says which variable and why. Never shows a secret."""


@dataclass(frozen=True, slots=True)
class Option:
    """Everything about one option except its value."""

    help: str
    expected: str  # completes "NAME must be …"
    parse: Parse
    name: str = ""  # from the table, where it is the field's
    flag: str = ""  # the name in kebab case, where the table says no other
    default_text: str = ""
    is_switch: bool = False
    is_secret: bool = False
    is_list: bool = False
    is_multiline: bool = False  # a `.env` writes its line ends as `\n`
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


def _spellings(words: str) -> dict[str, str]:
    """Every accepted spelling (lower case) to the value it means: `value other | value`."""
    return {word: group.split()[0] for group in words.split("|") for word in group.split()}


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


def _field(default: Any, option: Option) -> Any:
    return field(default=default, repr=not option.is_secret, metadata={"option": option})


def text(default: str | None, help: str, *, empty: Empty = Empty.UNSET) -> Any:
    """Declare a text; None: what it is when nobody sets it, the help says."""
    expected = "a text that is not empty" if empty is Empty.REFUSE else "a text"
    return _field(default, Option(help, expected, str, default_text=default or "", empty=empty))


def checked_text(help: str, expected: str, check: Callable[[str], object]) -> Any:
    """Declare a text that `check` has nothing against; it raises `ValueError` for others."""

    def parse(raw: str) -> str:
        check(raw)
        return raw

    return _field("", Option(help, expected, parse))


def lines(default: str, help: str, *, empty: Empty = Empty.UNSET) -> Any:
    return _field(default, Option(help, "a text", str, default_text=default, is_multiline=True, empty=empty))


def secret(help: str, *, flag: str = "") -> Any:
    return _field("", Option(help, "a text", str, flag=flag, is_secret=True))


def secret_lines(help: str) -> Any:
    """Declare a secret of several lines; a `.env` writes their ends as `\\n`."""
    return _field("", Option(help, "a text", str, is_secret=True, is_multiline=True))


def secret_list(help: str, *, expected: str = "a comma list", parse: Parse = _items) -> Any:
    return _field((), Option(help, expected, parse, is_secret=True, is_list=True))


def secret_url(help: str, *, schemes: tuple[str, ...]) -> Any:
    expected = f"a URL that starts with {' or '.join(f'{scheme}://' for scheme in schemes)}"
    return _field("", Option(help, expected, _scheme_of(schemes), is_secret=True))


def switch(help: str, *, default: bool = False) -> Any:
    option = Option(
        help,
        "one of: true, false, 1, 0, yes, no, on, off",
        _boolean,
        default_text=str(default).lower(),
        is_switch=True,
        empty=Empty.REFUSE,
        values=("true", "false"),
    )
    return _field(default, option)


def integer(
    default: int,
    help: str,
    *,
    minimum: int = 0,
    maximum: int | None = None,
    empty: Empty = Empty.UNSET,
    flag: str = "",
) -> Any:
    expected = f"a whole number from {minimum}" + ("" if maximum is None else f" to {maximum}")
    parse = _whole(minimum, maximum)
    return _field(default, Option(help, expected, parse, flag=flag, default_text=str(default), empty=empty))


def seconds(default: float, help: str, *, minimum: float = 0) -> Any:
    expected = f"a number of seconds, at least {minimum:g}"
    return _field(float(default), Option(help, expected, _seconds(minimum), default_text=f"{default:.15g}"))


def choice(default: str, help: str, *, words: str, empty: Empty = Empty.UNSET, flag: str = "") -> Any:
    """One of several values. `words`: `value other | value`, each value before its other spellings."""
    meanings = _spellings(words)
    values = tuple(dict.fromkeys(meanings.values()))
    option = Option(
        help,
        "one of: " + ", ".join(values),
        _one_of(meanings),
        flag=flag,
        default_text=default,
        empty=empty,
        values=values,
    )
    return _field(default, option)


def address(default: str, help: str, *, flag: str = "") -> Any:
    expected = "an IP address, IPv6 in brackets"
    option = Option(help, expected, _address, flag=flag, default_text=default, empty=Empty.REFUSE)
    return _field(default, option)


def url(default: str, help: str, *, empty: Empty = Empty.REFUSE) -> Any:
    expected = "a URL: http:// or https://, a host, no user, query or fragment"
    return _field(default, Option(help, expected, _url(("http", "https")), default_text=default, empty=empty))


def time_zone(default: str, help: str) -> Any:
    expected = "a time zone of the tz database, such as UTC or Europe/Berlin"
    return _field(default, Option(help, expected, _time_zone, default_text=default))


def items(default: str, help: str) -> Any:
    option = Option(help, "a comma list", _items, default_text=default, is_list=True, empty=Empty.KEEP)
    return _field(_items(default), option)


def items_verbatim(help: str) -> Any:
    """Declare a comma list whose items keep their blanks, as the reference reads it."""
    return _field((), Option(help, "a comma list", _items_verbatim, is_list=True))


def directories(help: str) -> Any:
    expected = "a comma list of directories, none of them empty"
    return _field((), Option(help, expected, _directories, is_list=True, empty=Empty.REFUSE))


def networks(help: str) -> Any:
    expected = "a comma list of IP addresses or networks (10.0.0.0/8)"
    return _field((), Option(help, expected, _networks, is_list=True))


def home_directory(name: str, without_home: str, help: str, *, empty: Empty) -> Any:
    """Declare a directory below the user's home; `without_home` is the home when HOME is not set."""
    option = Option(help, "a directory", Path, default_text=f"$HOME/{name}", empty=empty)

    def default() -> Path:
        return Path(os.environ.get("HOME", without_home)) / name

    return field(default_factory=default, metadata={"option": option})
