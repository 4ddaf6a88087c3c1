"""Finds the credential of a call where its upstream quotes it: in the midst of a good answer, escaped, cut in two."""

from __future__ import annotations

import re
from functools import lru_cache

from gateway.kernel.redaction import SHORTEST_SECRET, redact
from providers.dialects.types import Failure, FailureKind, Refused

LEAST_NEEDLE = 12
"""Letters of a credential that are unlikely to stand anywhere by chance."""
_RUN = re.compile(rb"(?<![A-Za-z0-9])(?!eyJ)[A-Za-z0-9]+")  # the head of a JWT is no secret
_ENDS = (b" ", b"\n", b'"', b"'", b"<", b">")
_NOWHERE = b"\0\0no credential\0\0"


class Quote:
    """By what a credential is found: its longest run of letters that no encoder escapes, else all of it.

    `lasts`: the bytes on which a piece may end that has its beginning.
    """

    __slots__ = ("lasts", "needle", "secret")

    def __init__(self, secret: bytes) -> None:
        run = max(_RUN.findall(secret), key=len, default=b"")
        self.secret = secret
        self.needle = run if len(run) >= LEAST_NEEDLE else secret
        self.lasts = frozenset(secret[at : at + 1] for at in range(len(secret)))

    def masked(self, data: bytes) -> bytes:
        """Return the same length without it; where its beginning has passed, without the word that the rest is in."""
        clean = redact.masked(data)
        if clean.find(self.needle) < 0:
            return clean
        word = rb"[^\s\"'<>]{0,512}" + re.escape(self.needle) + rb"[^\s\"'<>]{0,512}"
        return re.sub(word, lambda found: b"*" * len(found[0]), clean)

    def begun(self, data: bytes) -> int:
        """Return how many of the last bytes are to be held, since the credential may go on behind them; 0: none."""
        for text in (self.secret, self.needle):
            tail = data[-len(text) + 1 :]
            at = tail.find(text[:1])
            while at >= 0:
                if text.startswith(tail[at:]):
                    return self._word(data, len(tail) - at)
                at = tail.find(text[:1], at + 1)
        return 0

    def _word(self, data: bytes, size: int) -> int:
        """Return the size of the word that ends with so many bytes: what is before them may belong to it, escaped."""
        before = data[-size - 2 * len(self.secret) : len(data) - size]
        return size + len(before) - max(before.rfind(end) for end in _ENDS) - 1


class Nowhere(Quote):
    """Of a call without a credential that could be looked for."""

    def __init__(self) -> None:
        super().__init__(_NOWHERE)
        self.lasts = frozenset()


NOWHERE = Nowhere()


@lru_cache(maxsize=1024)
def quote_of(secret: str) -> Quote:
    """Return by what a credential is found; without one: nowhere."""
    return Quote(secret.encode("utf-8", "replace")) if len(secret) >= SHORTEST_SECRET else NOWHERE


class Heeding:
    """Watches a compressed answer that passes as it came: nothing can be masked in it, so it ends where it quotes."""

    __slots__ = ("_needle", "_tail")

    def __init__(self, secret: str) -> None:
        self._needle = quote_of(secret).needle
        self._tail = b""

    def __call__(self, seen: bytes) -> None:
        """Take the next bytes, decoded. Raises `Refused`."""
        data = self._tail + seen
        if data.rfind(self._needle) >= 0:
            told = "the upstream's compressed answer quotes the credential that it was asked with"
            raise Refused(Failure(FailureKind.UPSTREAM, told))
        self._tail = data[-len(self._needle) :]
