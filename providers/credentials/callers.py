"""The caller's own login, for providers that take no other: read from the headers as they came, shown as it is."""

from __future__ import annotations

from gateway.kernel.secrets import fingerprint
from providers.dialects.types import Failure, FailureKind, Headers, Refused, header
from providers.upstream import Credential, CredentialKind

OUR_TOKEN = b"x-la-token"
"""The header of a token of ours, for callers whose `Authorization` is the vendor's."""
OURS = "la_sk_"
MISSING = (
    "this provider takes the caller's own login: send your gateway token as x-la-token, "
    "and your own credential as Authorization or x-api-key"
)


def login_of(headers: Headers) -> Credential:
    """Return the caller's own credential, `Authorization: Bearer` before `x-api-key`. Raises `Refused` without one.

    A token of ours is none: it never leaves.
    """
    if header(headers, OUR_TOKEN) is None:
        raise Refused(Failure(FailureKind.AUTHENTICATION, MISSING))
    scheme, _, bearer = (header(headers, b"authorization") or b"").decode("latin-1").partition(" ")
    key = (header(headers, b"x-api-key") or b"").decode("latin-1").strip()
    bearer = bearer.strip() if scheme.lower() == "bearer" else ""
    for kind, secret in ((CredentialKind.CALLER, bearer), (CredentialKind.API_KEY, key)):
        if secret and not secret.startswith(OURS):
            return Credential(kind, secret, fingerprint(secret))
    raise Refused(Failure(FailureKind.AUTHENTICATION, MISSING))
