"""The reference's error texts for a token that it can't read: its parsers, as far as their words go.

The texts name the place in the decoded JSON; clients and scripts match on them.
"""

from __future__ import annotations

import binascii
import json
import re
from base64 import urlsafe_b64decode

from jwt.utils import base64url_encode

from tokens.errors import InvalidToken

_NOT_BASE64URL = re.compile(r"[^A-Za-z0-9_-]")
_HALVES = re.compile("[\ud800-\udfff]")
_BLANKS = re.compile(r"[ \t\r\n]*")
_DECODER = json.JSONDecoder()


class Members:
    """The members of one JSON object with the place where each value ends, for error texts."""

    def __init__(self, raw: bytes) -> None:
        try:
            self.text_ = raw.decode()
        except UnicodeDecodeError as problem:
            raise InvalidToken(
                f"JSON error: invalid unicode code point at line 1 column {problem.start + 1}"
            ) from None
        self.found: dict[str, tuple[object, int]] = {}
        self.repeated: list[tuple[str, int]] = []
        try:
            self._walk()
        except (IndexError, RecursionError, ValueError):  # ValueError: no JSON, or digits without end
            raise InvalidToken("JSON error: expected value at line 1 column 1") from None

    def _walk(self) -> None:
        place = self._skip(0)
        if self.text_[place] != "{":
            raise ValueError
        place = self._skip(place + 1)
        while self.text_[place] != "}":
            name, place = self._value(place)
            if not isinstance(name, str):
                raise ValueError
            key_end = place
            place = self._skip(place)
            if self.text_[place] != ":":
                raise ValueError
            value, end = self._value(self._skip(place + 1))
            self._refuse_halves(name, key_end)
            self._refuse_halves(value, end)
            if name in self.found:
                self.repeated.append((name, key_end))
            self.found[name] = (value, end)
            place = self._skip(end)
            if self.text_[place] == ",":
                place = self._skip(place + 1)
                if self.text_[place] == "}":
                    raise ValueError
            elif self.text_[place] != "}":
                raise ValueError
        self.end = place + 1
        if self._skip(self.end) != len(self.text_):
            raise ValueError

    def _refuse_halves(self, value: object, end: int) -> None:
        """Refuse a lone surrogate: it is no text, and whoever writes it into an answer, a row or a log fails."""
        if isinstance(value, str) and _HALVES.search(value):
            raise self.error("lone leading surrogate in hex escape", end)

    def _skip(self, place: int) -> int:
        match = _BLANKS.match(self.text_, place)
        return match.end() if match else place

    def _value(self, place: int) -> tuple[object, int]:
        return _DECODER.raw_decode(self.text_, place)

    def require_once(self, names: tuple[str, ...]) -> None:
        for name, end in self.repeated:
            if name in names:
                raise self.error(f"duplicate field `{name}`", end)

    def text(self, name: str, default: str | None) -> str:
        if name not in self.found:
            if default is None:
                raise self.missing(name)
            return default
        value, end = self.found[name]
        if not isinstance(value, str):
            raise self.error(f"invalid type: {kind(value)}, expected a string", end)
        return value

    def integer(self, name: str) -> int:
        if name not in self.found:
            raise self.missing(name)
        value, end = self.found[name]
        if isinstance(value, bool) or not isinstance(value, int):
            raise self.error(f"invalid type: {kind(value)}, expected i64", end)
        if not -(2**63) <= value < 2**63:
            raise self.error("number out of range", end)
        return value

    def missing(self, name: str) -> InvalidToken:
        return self.error(f"missing field `{name}`", self.end)

    def error(self, message: str, end: int) -> InvalidToken:
        before = self.text_[:end]
        column = len(before[before.rfind("\n") + 1 :].encode())
        return InvalidToken(f"JSON error: {message} at line {before.count(chr(10)) + 1} column {column}")


def kind(value: object) -> str:
    """Describe a JSON value in the words of the reference's parser."""
    if value is None:
        return "null"
    if isinstance(value, bool):
        return f"boolean `{str(value).lower()}`"
    if isinstance(value, int):
        return f"integer `{value}`"
    if isinstance(value, float):
        return f"floating point `{value}`"
    if isinstance(value, str):
        return f'string "{shown(value[:64])}"'
    return "sequence" if isinstance(value, list) else "map"


def shown(text: str) -> str:
    """Return a stranger's words for ours: no quotes to end them, nothing that a terminal would obey."""
    escaped = json.dumps(text, ensure_ascii=False)[1:-1]
    return "".join(
        letter if letter.isprintable() else letter.encode("unicode_escape").decode() for letter in escaped
    )


def decode(part: str) -> bytes:
    """Decode unpadded base64url, canonical only: one secret must not have two spellings."""
    bad = _NOT_BASE64URL.search(part)
    if bad:
        raise InvalidToken(f"Base64 error: Invalid symbol {ord(bad.group())}, offset {bad.start()}.")
    if len(part) % 4 == 1:
        raise InvalidToken(f"Base64 error: Invalid input length: {len(part)}")
    try:
        raw = urlsafe_b64decode(part + "=" * (-len(part) % 4))
    except binascii.Error:
        raise InvalidToken("Base64 error: Invalid padding") from None
    if base64url_encode(raw).decode("ascii") != part:
        raise InvalidToken(f"Base64 error: Invalid last symbol {ord(part[-1])}, offset {len(part) - 1}.")
    return raw
