"""One signed request, whichever scheme signs it: its parts, its digests, its time. Pure."""

from __future__ import annotations

import base64
import binascii
import hashlib
import hmac
import re
from collections.abc import Sequence
from dataclasses import dataclass
from urllib.parse import urlsplit

from forgefed.errors import BadSignature

Headers = Sequence[tuple[str, str]]
DIGESTS = {"sha-256": hashlib.sha256, "sha-512": hashlib.sha512}


@dataclass(frozen=True, slots=True)
class Message:
    """A request as its signature sees it. Names of headers are lower case, repeated ones stand repeated."""

    method: str
    url: str  # the public one, whatever a proxy made of it
    headers: tuple[tuple[str, str], ...]
    body: bytes = b""

    @property
    def target(self) -> str:
        """Return path and query."""
        parts = urlsplit(self.url)
        return (parts.path or "/") + (f"?{parts.query}" if parts.query else "")

    @property
    def has_body(self) -> bool:
        return self.method not in ("GET", "HEAD")

    def value(self, name: str) -> str | None:
        """Return a header's value, repeated ones joined; None when it is not there."""
        values = [value.strip() for key, value in self.headers if key == name]
        return ", ".join(values) if values else None

    def needed(self, name: str) -> str:
        """Return a header's value. Raises `BadSignature` without one."""
        value = self.value(name)
        if value is None:
            raise BadSignature(f"the header {name} is signed and is not there")
        return value


@dataclass(frozen=True, slots=True)
class Signature:
    """What a signature says of itself, and what it signs. `label` names the scheme: cavage or rfc9421."""

    scheme: str
    key_id: str
    base: bytes
    value: bytes
    algorithm: str = ""


@dataclass(frozen=True, slots=True)
class Window:
    """The time in which a signature is believed; all are Unix seconds."""

    now: float
    seconds: float

    def check(self, moment: float, name: str) -> None:
        """Raise `BadSignature` for a moment outside of it."""
        if abs(self.now - moment) > self.seconds:
            raise BadSignature(f"{name} is more than {self.seconds:g} seconds away from now")

    def check_end(self, moment: float) -> None:
        if moment < self.now:
            raise BadSignature("the signature has expired")


def digest_of(body: bytes) -> str:
    """Return the SHA-256 of a body in base64."""
    return base64.b64encode(hashlib.sha256(body).digest()).decode()


def check_digest(header: str, body: bytes) -> None:
    """Check `Digest` (RFC 3230). Raises `BadSignature` unless there is one that is known, and each of those agrees."""
    found = []
    for item in header.split(","):
        name, _, value = item.strip().partition("=")
        found.append((name.lower(), value))
    _agree(found, body)


CONTENT_DIGEST = re.compile(r'([a-z*][a-z0-9_.*-]*)=:([A-Za-z0-9+/=]*):(?:\s*;[^,"]*)?')


def check_content_digest(header: str, body: bytes) -> None:
    """Check `Content-Digest` (RFC 9530), as `check_digest` does."""
    found = []
    for item in header.split(","):
        match = CONTENT_DIGEST.fullmatch(item.strip())
        if match is None:
            raise BadSignature("content-digest can't be read")
        found.append((match[1], match[2]))
    _agree(found, body)


def _agree(found: Sequence[tuple[str, str]], body: bytes) -> None:
    known = [(DIGESTS[name], value) for name, value in found if name in DIGESTS]
    if not known:
        raise BadSignature("no SHA-256 or SHA-512 digest of the body")
    for make, value in known:
        if not hmac.compare_digest(make(body).digest(), decoded(value)):
            raise BadSignature("the digest is not the body's")


def decoded(text: str) -> bytes:
    """Return the bytes of base64. Raises `BadSignature`."""
    try:
        return base64.b64decode(text, validate=True)
    except (binascii.Error, ValueError) as exc:
        raise BadSignature("not base64") from exc
