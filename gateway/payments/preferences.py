"""The caller's preferences among ways to pay: `Accept-Payment`. Pure.

Form: draft-httpauth-payment, "Client Payment Preferences". What can't be read, or fits nothing, changes nothing.
"""

from __future__ import annotations

import re
from collections.abc import Sequence

HEADER = b"accept-payment"
MOST_RANGES = 64
_RANGE = re.compile(
    r"[ \t]*(?P<method>[a-z0-9:_-]+|\*)/(?P<intent>[a-z0-9:_-]+|\*)"
    r"(?:[ \t]*;[ \t]*q=(?P<q>0(?:\.[0-9]{0,3})?|1(?:\.0{0,3})?))?[ \t]*",
    re.IGNORECASE,
)

Range = tuple[str, str, float]


def ordered(methods: Sequence[str], intent: str, values: Sequence[bytes]) -> list[str]:
    """Return the methods that the header's values accept, most wanted first; all of them where none fits."""
    ranges = parse(values)
    weights = {method: _weight(ranges, method, intent) for method in methods}
    wanted = [method for method in methods if weights[method] > 0]
    return sorted(wanted, key=lambda method: -weights[method]) or list(methods)


def parse(values: Sequence[bytes]) -> list[Range]:
    """Return (method, intent, q) of every range; nothing when one can't be read."""
    text = b",".join(values).decode("latin-1")
    parts = [part for part in text.split(",") if part.strip(" \t")]
    if len(parts) > MOST_RANGES:
        return []
    found: list[Range] = []
    for part in parts:
        match = _RANGE.fullmatch(part)
        if match is None:
            return []
        found.append((match["method"].lower(), match["intent"].lower(), float(match["q"] or 1)))
    return found


def _weight(ranges: Sequence[Range], method: str, intent: str) -> float:
    """Return the q of the most exact range that fits; 0 when none does."""
    best, weight = -1, 0.0
    for wanted, kind, q in ranges:
        if wanted in (method, "*") and kind in (intent, "*"):
            exactness = 2 * (wanted != "*") + (kind != "*")
            if exactness > best:
                best, weight = exactness, q
    return weight
