"""Challenges: the terms on which a call is served, bound to an id that only we can make. Pure.

Form: draft-httpauth-payment, "The Payment Challenge". Nothing is stored of one: what comes back in a credential is
recognised by its id.
"""

from __future__ import annotations

import hashlib
import hmac
import re
from base64 import b64encode
from collections.abc import Sequence
from dataclasses import dataclass, fields
from datetime import UTC, datetime

from gateway.payments import encoding

CREDENTIAL_HEADER = "Payment-Authorization"
"""Where credentials come; `Authorization` holds the caller's token."""
INTENT = "charge"
NONCE, RESOURCE = "_mpp_nonce", "resource"
"""Members of `opaque`: what makes a challenge unique, and the path that it is for."""

_QUOTED = re.compile(r'[\\"]')


@dataclass(frozen=True, slots=True)
class Challenge:
    """A challenge's parameters as they stand in the header; "" = absent. The order is that of the header line."""

    id: str
    realm: str
    method: str
    intent: str
    request: str  # base64url of canonical JSON
    expires: str = ""  # RFC 3339
    digest: str = ""  # of the request body, as in RFC 9530
    opaque: str = ""  # base64url of canonical JSON
    header: str = ""

    def header_value(self) -> str:
        """Return the value of a `WWW-Authenticate` line. `protocol` is there for the reference's clients."""
        told = [(each.name, getattr(self, each.name)) for each in fields(self)]
        pairs = [f'{name}="{_QUOTED.sub(_escaped, value)}"' for name, value in told if value]
        return "Payment " + ", ".join([*pairs, 'protocol="mpp"'])

    def echo(self) -> dict[str, str]:
        """Return what a credential repeats of the challenge."""
        told = {each.name: getattr(self, each.name) for each in fields(self)}
        return {name: value for name, value in told.items() if value}


def _escaped(found: re.Match[str]) -> str:
    return "\\" + found[0]


def bound_id(secret: bytes, challenge: Challenge) -> str:
    """Return the id that binds every other parameter (draft -01 and later: `header` is the last slot)."""
    slots = [
        challenge.realm,
        challenge.method,
        challenge.intent,
        challenge.request,
        challenge.expires,
        challenge.digest,
        challenge.opaque,
    ]
    if challenge.header:
        slots.append(challenge.header)
    return encoding.encode(hmac.new(secret, "|".join(slots).encode(), hashlib.sha256).digest())


def is_ours(secrets: Sequence[bytes], challenge: Challenge) -> bool:
    """Tell whether one of our secrets made the challenge's id."""
    presented = challenge.id.encode()
    return any(hmac.compare_digest(bound_id(secret, challenge).encode(), presented) for secret in secrets)


def digest_of(body_hash: bytes) -> str:
    """Return the digest parameter for a body's SHA-256."""
    return f"sha-256=:{b64encode(body_hash).decode()}:"


def is_digest_of(told: str, body_hash: bytes) -> bool:
    """Tell whether a digest is the body's. Libraries leave out the colons of the draft's form."""
    ours = digest_of(body_hash)
    return hmac.compare_digest(told.encode(), ours.encode()) or hmac.compare_digest(
        told.encode(), ours.replace(":", "").encode()
    )


def rfc3339(moment: float) -> str:
    """Return Unix seconds as a UTC time of the form 2026-01-01T00:05:00Z."""
    return datetime.fromtimestamp(moment, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def unix_seconds(text: str) -> float | None:
    """Return the Unix seconds of an RFC 3339 time; None for anything else."""
    try:
        moment = datetime.fromisoformat(text)
    except ValueError:
        return None
    return None if moment.tzinfo is None else moment.timestamp()
