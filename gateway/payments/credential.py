"""Credentials: read what a caller presents as its payment. Pure; a stranger's bytes come in here."""

from __future__ import annotations

from dataclasses import dataclass, field
from hashlib import sha256
from typing import Any

from gateway.payments import encoding
from gateway.payments.challenge import Challenge
from gateway.payments.problems import Code, PaymentProblem

MOST_BYTES = 16_384
HEADER = b"payment-authorization"
_REQUIRED = ("id", "realm", "method", "intent", "request")
_OPTIONAL = ("expires", "digest", "opaque", "header")


@dataclass(frozen=True, slots=True)
class Credential:
    """A challenge as it came back, and the method's own proof. `repr` shows no proof."""

    challenge: Challenge
    payload: dict[str, Any] = field(repr=False)
    fingerprint: str  # SHA-256 of the token, hex: recognises the same credential


def presented(headers: tuple[tuple[bytes, bytes], ...]) -> bytes | None:
    """Return the value of the credential's header; None without one. Raises PaymentProblem for several."""
    values = [value for name, value in headers if name == HEADER]
    if len(values) > 1:
        raise _malformed("Payment-Authorization is there more than once")
    return values[0] if values else None


def parse(value: bytes) -> Credential:
    """Return the credential in a header's value. Raises PaymentProblem (`malformed-credential`)."""
    if len(value) > MOST_BYTES:
        raise _malformed(f"the credential is larger than {MOST_BYTES} bytes")
    try:
        scheme, _, token = value.decode("ascii").strip(" \t").partition(" ")
        if scheme.lower() != "payment":
            raise _malformed("Payment-Authorization must hold the scheme Payment")
        token = token.strip(" ")
        content = encoding.decode_object(token)
    except ValueError:
        raise _malformed("the credential is not base64url, without padding, of a JSON object") from None
    payload = content.get("payload")
    if not isinstance(payload, dict):
        raise _malformed("payload must be an object")
    return Credential(_challenge(content.get("challenge")), payload, sha256(token.encode()).hexdigest())


def _challenge(told: object) -> Challenge:
    """Return the echoed challenge. Members that are not bound, such as `description`, are ignored."""
    if not isinstance(told, dict):
        raise _malformed("challenge must be an object")
    values: dict[str, str] = {}
    for name in (*_REQUIRED, *_OPTIONAL):
        value = told.get(name)
        if value is None and name in _OPTIONAL:
            continue
        if not isinstance(value, str) or not value.isascii() or (name in _REQUIRED and not value):
            raise _malformed(f"challenge.{name} must be a string as it was in the challenge")
        values[name] = value
    return Challenge(**values)


def _malformed(detail: str) -> PaymentProblem:
    return PaymentProblem(Code.MALFORMED, detail)
