"""AWS's signature, version 4, over exactly what leaves.

Written out here because botocore's signer builds a request of its own for it, which costs a small call several times
as much; the tests hold it to botocore's, byte for byte.
"""

from __future__ import annotations

import hashlib
import hmac
from datetime import UTC, datetime
from functools import lru_cache
from typing import Any, NamedTuple
from urllib.parse import quote

import msgspec

from providers.credentials.base import Draft

SIGNED = (b"content-type", b"host")
SIGNED_PREFIXES = (b"x-amz-", b"x-amzn-bedrock-")
ALGORITHM = "AWS4-HMAC-SHA256"
DATE = "x-amz-date"
BLOCK_BYTES = 64
"""Of SHA-256."""
Pairs = tuple[tuple[bytes, bytes], ...]
Hash = Any
"""An object of hashlib's."""

_BEGUN = hashlib.sha256()
"""Copied for each hash: OpenSSL looks a new one's algorithm up, which takes longer than hashing a small call."""


class AwsKeys(msgspec.Struct, frozen=True):
    """Keys as they are at one moment. `repr` does not show them."""

    access_key: str
    secret_key: str
    token: str | None = None

    def __repr__(self) -> str:
        return f"AwsKeys({self.access_key!r})"


class Place(msgspec.Struct, frozen=True):
    """A service of AWS's in one region: where a signature holds."""

    service: str
    region: str


def sign(headers: list[tuple[bytes, bytes]], draft: Draft, keys: AwsKeys, place: Place, now: float) -> None:
    """Add time, session token and signature to the headers that leave with the draft.

    `host`, the type and every header of AWS's are signed.
    """
    moment = _moment(int(now))
    signer = _signer(keys, moment[:8], place)
    if signer.token:
        headers.append((b"x-amz-security-token", signer.token))
    signed = tuple([pair for pair in headers if _is_signed(pair[0])])
    head = _head(draft.method, draft.target, draft.url.netloc, signed)
    headers.append((b"x-amz-date", moment))
    body, request, inner, outer = _BEGUN.copy(), _BEGUN.copy(), signer.inner.copy(), signer.outer.copy()
    body.update(draft.body)
    request.update(b"%b%b%b%b" % (head.before, moment, head.after, body.hexdigest().encode()))
    inner.update(b"%b%b%b%b" % (signer.begins, moment, signer.scope, request.hexdigest().encode()))
    outer.update(inner.digest())
    signature = outer.hexdigest().encode()
    headers.append((b"authorization", b"%b%b, Signature=%b" % (signer.shown, head.names, signature)))


# Of what is asked for again and again the answers are kept.


class _Head(NamedTuple):
    """A request as it is signed, without its moment and body."""

    names: bytes
    before: bytes
    after: bytes


class _Signer(NamedTuple):
    """What the calls of one day have in common. `inner` and `outer`: HMAC's two hashes, which have taken in the key."""

    inner: Hash
    outer: Hash
    begins: bytes
    scope: bytes
    shown: bytes
    token: bytes


@lru_cache(maxsize=4)
def _moment(seconds: int) -> bytes:
    return datetime.fromtimestamp(seconds, UTC).strftime("%Y%m%dT%H%M%SZ").encode()


@lru_cache(maxsize=1024)
def _is_signed(name: bytes) -> bool:
    return name in SIGNED or name.startswith(SIGNED_PREFIXES)


@lru_cache(maxsize=256)
def _head(method: str, target: bytes, netloc: bytes, signed: Pairs) -> _Head:
    path, query = _asked(target)
    fields = {"host": netloc.decode()}
    for pair in signed:
        name, value = pair[0].decode(), " ".join(pair[1].decode("latin-1").split())
        fields[name] = f"{fields[name]},{value}" if name in fields else value
    # The moment is not known yet: it comes behind what may stand in its field.
    fields[DATE] = f"{fields[DATE]}," if DATE in fields else ""
    order = sorted(fields)
    lines = [f"{name}:{fields[name]}" for name in order]
    place = order.index(DATE) + 1
    names = ";".join(order)
    before = "\n".join([method, path, query, *lines[:place]])
    after = "\n".join(["", *lines[place:], "", names, ""])
    return _Head(names.encode(), before.encode(), after.encode())


def _asked(target: bytes) -> tuple[str, str]:
    """Return path and query as they are signed: the path without empty parts and dots, and encoded once more."""
    path, _, query = target.decode("latin-1").partition("?")
    pairs = sorted(pair.partition("=")[::2] for pair in query.split("&")) if query else []
    return quote(_plain(path), safe="/~"), "&".join([f"{name}={value}" for name, value in pairs])


def _plain(path: str) -> str:
    kept: list[str] = []
    for part in path.split("/"):
        if part == "..":
            del kept[-1:]
        elif part not in ("", "."):
            kept.append(part)
    return f"/{'/'.join(kept)}{'/' if kept and path.endswith('/') else ''}"


@lru_cache(maxsize=256)
def _signer(keys: AwsKeys, day: bytes, place: Place) -> _Signer:
    key = f"AWS4{keys.secret_key}".encode()
    scope = f"{day.decode()}/{place.region}/{place.service}/aws4_request"
    for part in scope.split("/"):
        key = hmac.digest(key, part.encode(), "sha256")
    padded = key.ljust(BLOCK_BYTES, b"\0")
    return _Signer(
        hashlib.sha256(bytes([byte ^ 0x36 for byte in padded])),
        hashlib.sha256(bytes([byte ^ 0x5C for byte in padded])),
        f"{ALGORITHM}\n".encode(),
        f"\n{scope}\n".encode(),
        f"{ALGORITHM} Credential={keys.access_key}/{scope}, SignedHeaders=".encode(),
        (keys.token or "").encode(),
    )
