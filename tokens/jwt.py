"""The `la_sk_` format: a prefix, then an HS256 JWT, byte for byte as the Rust router writes and reads it.

Nothing here touches the database or the clock. The error texts are the reference's own, which name the
place in the decoded JSON; clients and scripts match on them.
"""

from __future__ import annotations

import binascii
import json
import re
from base64 import urlsafe_b64decode
from dataclasses import dataclass

from jwt.algorithms import HMACAlgorithm
from jwt.utils import base64url_encode

from .errors import BadPrefix, InvalidToken

PREFIX = "la_sk_"
MAX_SECRET_LENGTH = 16_384
"""Longer secrets are refused before any decoding; labels are capped so that ours stay far below."""

HEADER = b'{"typ":"JWT","alg":"HS256"}'
ALGORITHMS = (
    *("HS256", "HS384", "HS512", "ES256", "ES384", "RS256"),
    *("RS384", "RS512", "PS256", "PS384", "PS512", "EdDSA"),
)

_ENCODED_HEADER = base64url_encode(HEADER)
_HMAC = HMACAlgorithm(HMACAlgorithm.SHA256)
_NOT_BASE64URL = re.compile(r"[^A-Za-z0-9_-]")
_BLANKS = re.compile(r"[ \t\r\n]*")
_DECODER = json.JSONDecoder()


@dataclass(frozen=True, slots=True)
class Claims:
    """What a token says about itself. Times are Unix seconds."""

    sub: str
    iat: int
    exp: int
    label: str = ""
    has_audience: bool = False


def sign(claims: Claims, key: bytes) -> str:
    """The secret that a client presents. Same claims and key, same secret: HS256 is deterministic."""
    fields = {"sub": claims.sub, "iat": claims.iat, "exp": claims.exp, "label": claims.label}
    payload = json.dumps(fields, separators=(",", ":"), ensure_ascii=False).encode()
    message = _ENCODED_HEADER + b"." + base64url_encode(payload)
    # The raw bytes of the secret are the key, whatever they look like; `prepare_key` would refuse some.
    signature = _HMAC.sign(message, key)
    return PREFIX + (message + b"." + base64url_encode(signature)).decode("ascii")


def verify(secret: str, key: bytes) -> Claims:
    """The claims of a secret whose signature holds. Expiry and audience are left to the caller, who
    knows the time. Raises BadPrefix or InvalidToken; costs no crypto for what can't be a token."""
    if not secret.startswith(PREFIX):
        raise BadPrefix
    if len(secret) > MAX_SECRET_LENGTH:
        raise InvalidToken("InvalidToken")
    parts = secret[len(PREFIX) :].rsplit(".", 2)
    if len(parts) != 3:
        raise InvalidToken("InvalidToken")
    header, payload, signature = parts
    _check_header(_decode(header))
    _check_signature(f"{header}.{payload}", signature, key)
    claims = _read_claims(_decode(payload))
    if claims.exp < 0:
        raise InvalidToken("Missing required claim: exp")
    return claims


def looks_like_ours(secret: str) -> bool:
    """Prefix and three parts: enough to choose between two headers, no proof of anything."""
    return secret.startswith(PREFIX) and secret.count(".") == 2


def _check_header(raw: bytes) -> None:
    members = _Members(raw)
    members.require_once(("typ", "alg", "kid", "cty"))
    if "alg" not in members.found:
        raise members.missing("alg")
    value, end = members.found["alg"]
    if not isinstance(value, str) or value not in ALGORITHMS:
        known = ", ".join(f"`{name}`" for name in ALGORITHMS)
        shown = value if isinstance(value, str) else _kind(value)
        raise members.error(f"unknown variant `{shown[:32]}`, expected one of {known}", end)
    if value != "HS256":
        raise InvalidToken("InvalidAlgorithm")


def _check_signature(message: str, signature: str, key: bytes) -> None:
    try:
        given = _decode(signature)
        signed = message.encode("ascii")
    except (InvalidToken, UnicodeEncodeError):
        raise InvalidToken("InvalidSignature") from None
    if not _HMAC.verify(signed, key, given):
        raise InvalidToken("InvalidSignature")


def _read_claims(raw: bytes) -> Claims:
    members = _Members(raw)
    members.require_once(("sub", "iat", "exp", "label"))
    sub = members.text("sub", default=None)
    iat, exp = members.integer("iat"), members.integer("exp")
    label = members.text("label", default="")
    audience = members.found.get("aud", (None, 0))[0]
    return Claims(sub, iat, exp, label, has_audience=audience is not None)


class _Members:
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
        except (json.JSONDecodeError, IndexError, RecursionError, ValueError):
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
            raise self.error(f"invalid type: {_kind(value)}, expected a string", end)
        return value

    def integer(self, name: str) -> int:
        if name not in self.found:
            raise self.missing(name)
        value, end = self.found[name]
        if isinstance(value, bool) or not isinstance(value, int):
            raise self.error(f"invalid type: {_kind(value)}, expected i64", end)
        if not -(2**63) <= value < 2**63:
            raise self.error("number out of range", end)
        return value

    def missing(self, name: str) -> InvalidToken:
        return self.error(f"missing field `{name}`", self.end)

    def error(self, message: str, end: int) -> InvalidToken:
        before = self.text_[:end]
        column = len(before[before.rfind("\n") + 1 :].encode())
        return InvalidToken(f"JSON error: {message} at line {before.count(chr(10)) + 1} column {column}")


def _kind(value: object) -> str:
    """A JSON value in the words of the reference's parser."""
    if value is None:
        return "null"
    if isinstance(value, bool):
        return f"boolean `{str(value).lower()}`"
    if isinstance(value, int):
        return f"integer `{value}`"
    if isinstance(value, float):
        return f"floating point `{value}`"
    if isinstance(value, str):
        return f"string {json.dumps(value[:64], ensure_ascii=False)}"
    return "sequence" if isinstance(value, list) else "map"


def _decode(part: str) -> bytes:
    """Unpadded base64url, canonical only: one secret must not have two spellings."""
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
