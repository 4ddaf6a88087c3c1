"""AWS's signature, version 4, over exactly what leaves.

Written out here because botocore's signer builds a request of its own for it, which costs a small call several times
as much; the tests hold it to botocore's, byte for byte.
"""

from __future__ import annotations

import hashlib
import hmac
from dataclasses import dataclass, field
from datetime import UTC, datetime
from functools import lru_cache
from urllib.parse import quote

from providers.credentials.base import Draft
from providers.upstream import Credential

SIGNED = (b"content-type", b"host")
SIGNED_PREFIXES = (b"x-amz-", b"x-amzn-bedrock-")
ALGORITHM = "AWS4-HMAC-SHA256"


@dataclass(frozen=True, slots=True)
class AwsKeys:
    """Keys as they are at one moment. `repr` does not show them."""

    access_key: str
    secret_key: str = field(repr=False)
    token: str | None = field(default=None, repr=False)


class SigV4:
    """Signs a draft for one service of one region with these keys."""

    def __init__(self, service: str, region: str, keys: AwsKeys) -> None:
        self._service, self._region, self._keys = service, region, keys

    def apply(self, draft: Draft, credential: Credential, now: float) -> None:
        """Add time, session token and signature. `host`, the type and every header of AWS's are signed."""
        moment = _moment(int(now))
        draft.headers.append((b"x-amz-date", moment.encode()))
        if self._keys.token:
            draft.headers.append((b"x-amz-security-token", self._keys.token.encode()))
        names, request = _canonical(draft)
        scope = f"{moment[:8]}/{self._region}/{self._service}/aws4_request"
        text = f"{ALGORITHM}\n{moment}\n{scope}\n{hashlib.sha256(request).hexdigest()}"
        key = _signing_key(self._keys.secret_key, moment[:8], self._region, self._service)
        signature = hmac.digest(key, text.encode(), "sha256").hex()
        shown = f"{ALGORITHM} Credential={self._keys.access_key}/{scope}, SignedHeaders={names}, Signature={signature}"
        draft.headers.append((b"authorization", shown.encode()))


def _canonical(draft: Draft) -> tuple[str, bytes]:
    """Return the names of the signed headers, and the request as it is signed: the path encoded once more."""
    path, query = _asked(draft.target)
    fields = {"host": draft.url.netloc.decode()}
    for pair in draft.headers:
        if _is_signed(pair[0]):
            name, value = pair[0].decode(), " ".join(pair[1].decode("latin-1").split())
            fields[name] = f"{fields[name]},{value}" if name in fields else value
    order = sorted(fields)
    names = ";".join(order)
    told = "\n".join([f"{name}:{fields[name]}" for name in order])
    body = hashlib.sha256(draft.body).hexdigest()
    return names, f"{draft.method}\n{path}\n{query}\n{told}\n\n{names}\n{body}".encode()


# Of what is asked for again and again the answers are kept.


@lru_cache(maxsize=4)
def _moment(seconds: int) -> str:
    return datetime.fromtimestamp(seconds, UTC).strftime("%Y%m%dT%H%M%SZ")


@lru_cache(maxsize=1024)
def _is_signed(name: bytes) -> bool:
    return name in SIGNED or name.startswith(SIGNED_PREFIXES)


@lru_cache(maxsize=1024)
def _asked(target: bytes) -> tuple[str, str]:
    """Return path and query as they are signed."""
    path, _, query = target.decode("latin-1").partition("?")
    pairs = sorted(pair.partition("=")[::2] for pair in query.split("&")) if query else []
    return quote(path, safe="/~"), "&".join([f"{name}={value}" for name, value in pairs])


@lru_cache(maxsize=256)
def _signing_key(secret: str, day: str, region: str, service: str) -> bytes:
    key = f"AWS4{secret}".encode()
    for part in (day, region, service, "aws4_request"):
        key = hmac.new(key, part.encode(), hashlib.sha256).digest()
    return key
