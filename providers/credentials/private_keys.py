"""Private keys of secp256k1 as operators write them. Light: it is asked at every start."""

from __future__ import annotations

import re

ORDER = 0xFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFEBAAEDCE6AF48A03BBFD25E8CD0364141
WORDS = "64 hexadecimal digits, with or without 0x, from 1 to below the order of secp256k1"
_HEX = re.compile(r"(?:0[xX])?([0-9a-fA-F]{64})")


class BadPrivateKey(ValueError):
    """Raised for a text that is no private key. Its words do not show it."""

    def __init__(self) -> None:
        super().__init__(f"a private key is {WORDS}")


def parse(text: str) -> int:
    """Return the number that a private key is. Raises `BadPrivateKey`."""
    found = _HEX.fullmatch(text)
    number = int(found[1], 16) if found else 0
    if not 1 <= number < ORDER:
        raise BadPrivateKey
    return number
