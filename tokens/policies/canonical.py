"""Write settings as JavaScript does (`JSON.stringify` of objects built by sorted keys), and sum them up. Pure.

The client works the checksum out by itself and compares: keys that are array indices come first, by number, as in
every JavaScript object; all others by UTF-16 code units. `1.0` is `1`, and no letter is escaped that need not be.
"""

from __future__ import annotations

import hashlib
import json
import math
import re
from collections.abc import Mapping
from decimal import Decimal

Json = Mapping[str, object]

LARGEST_EXACT = 2**53
LONGEST_PLAIN, SHORTEST_PLAIN = 21, -6
"""Powers of ten between which JavaScript writes a number without an exponent."""
_INDEX = re.compile(r"0|[1-9][0-9]{0,9}")
LARGEST_INDEX = 2**32 - 2
PROTOTYPE = "__proto__"


class NotCanonical(ValueError):
    """Something that JavaScript would not keep as it is. The text says what."""


def written(value: object) -> str:
    """Return the canonical text. Raises `NotCanonical`."""
    if isinstance(value, dict):
        pairs = (f"{_text(name)}:{written(value[name])}" for name in sorted(value, key=_order))
        return "{" + ",".join(pairs) + "}"
    if isinstance(value, list):
        return "[" + ",".join(written(item) for item in value) + "]"
    if isinstance(value, str):
        return _text(value)
    if value is None or isinstance(value, bool):
        return json.dumps(value)
    if isinstance(value, int | float):
        return _number(value)
    raise NotCanonical(f"{type(value).__name__} is nothing that JSON has")


def checksum(canonical: str) -> str:
    """Return the checksum of a canonical text."""
    return "sha256:" + hashlib.sha256(canonical.encode()).hexdigest()


def _order(name: str) -> tuple[bool, int, bytes]:
    if name == PROTOTYPE:
        raise NotCanonical(f"no key may be {PROTOTYPE}")
    if _INDEX.fullmatch(name) and int(name) <= LARGEST_INDEX:
        return False, int(name), b""
    return True, 0, _encoded(name, "utf-16-be")


def _text(text: str) -> str:
    _encoded(text, "utf-8")
    return json.dumps(text, ensure_ascii=False)


def _encoded(text: str, name: str) -> bytes:
    try:
        return text.encode(name)
    except UnicodeEncodeError:
        raise NotCanonical("half a character can't be kept") from None


def _number(value: float) -> str:
    if isinstance(value, int) and abs(value) <= LARGEST_EXACT:
        return str(value)
    try:
        value = float(value)
    except OverflowError:
        value = math.inf
    if not math.isfinite(value):
        raise NotCanonical("a number is too large")
    if value == 0:
        return "0"
    sign, digits, exponent = Decimal(repr(value)).normalize().as_tuple()
    assert isinstance(exponent, int)
    shown = "".join(map(str, digits))
    return ("-" if sign else "") + _placed(shown, len(shown) + exponent)


def _placed(digits: str, point: int) -> str:
    """Return the number 0.`digits` · 10^`point`."""
    if len(digits) <= point <= LONGEST_PLAIN:
        return digits + "0" * (point - len(digits))
    if 0 < point <= LONGEST_PLAIN:
        return f"{digits[:point]}.{digits[point:]}"
    if SHORTEST_PLAIN < point <= 0:
        return "0." + "0" * -point + digits
    others = f".{digits[1:]}" if len(digits) > 1 else ""
    return f"{digits[0]}{others}e{point - 1:+d}"
