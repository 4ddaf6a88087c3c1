"""Ask the issuer whether a person may stay, at each refresh of ours, by one window of hers at a time.

An issuer may take a refresh token that comes twice for a stolen one. So whoever asks writes first that it asks, in
the row, in one conditional UPDATE; the others wait for what comes of it.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass, field

from gateway.kernel.secrets import SecretUnreadable, box
from tokens.signin.errors import IssuerAway
from tokens.signin.models import SignIn

AskIssuer = Callable[[str], str]
"""Asks with a refresh token of the issuer's; returns the one for the next time.

Raises `IssuerRefused` or `IssuerAway`.
"""


@dataclass(frozen=True, slots=True)
class Issuer:
    """Whom to ask, and how to wait while another window asks."""

    ask: AskIssuer
    pause: Callable[[float], None] = time.sleep


CLAIM = "asking:"
CLAIM_SECONDS = 30.0
"""Longer than any question takes: after it whoever asked is taken for dead."""
LOOK_SECONDS = 0.1


class Overtaken(Exception):
    """Another window has refreshed meanwhile."""


@dataclass(frozen=True, slots=True)
class Asked:
    """The issuer's word. `claim`: what the row holds until it is written; `following`: what it shall hold then."""

    claim: str = field(default="", repr=False)
    following: str = field(default="", repr=False)


def sealed(sign_in: SignIn, plain: str) -> str:
    """Encrypt an issuer's refresh token for the row of a sign-in."""
    return box().encrypt(plain, _context(sign_in))


def asked(sign_in: SignIn, issuer: Issuer) -> Asked:
    """Ask the issuer, where it gave something to ask with. Raises `IssuerRefused`, `IssuerAway`, `Overtaken`."""
    if not sign_in.issuer_token:
        return Asked()
    kept, claim = _claimed(sign_in, issuer)
    try:
        following = sealed(sign_in, issuer.ask(_opened(sign_in, kept)))
    except BaseException:
        SignIn.objects.filter(pk=sign_in.pk, issuer_token=claim).update(issuer_token=kept)
        raise
    return Asked(claim, following)


def _claimed(sign_in: SignIn, issuer: Issuer) -> tuple[str, str]:
    """Return the token to ask with, encrypted, and the claim that now stands in its place."""
    deadline = time.monotonic() + CLAIM_SECONDS
    while time.monotonic() < deadline:
        row = (
            SignIn.objects.filter(pk=sign_in.pk).values_list("issuer_token", "generation", "revoked_at").get()
        )
        if row[1] != sign_in.generation or row[2] is not None:
            raise Overtaken
        until, kept = _parts(row[0])
        now = time.time()
        if until > now:
            issuer.pause(LOOK_SECONDS)
            continue
        claim = f"{CLAIM}{now + CLAIM_SECONDS:.3f}:{kept}"
        if SignIn.objects.filter(pk=sign_in.pk, issuer_token=row[0]).update(issuer_token=claim):
            return kept, claim
    raise IssuerAway("another refresh of this sign-in is still asking")


def _parts(stored: str) -> tuple[float, str]:
    """Return until when somebody asks (0: nobody does), and the encrypted token."""
    if not stored.startswith(CLAIM):
        return 0.0, stored
    until, _, kept = stored.removeprefix(CLAIM).partition(":")
    return float(until), kept


def _opened(sign_in: SignIn, kept: str) -> str:
    try:
        return box().decrypt(kept, _context(sign_in))
    except SecretUnreadable as exc:
        raise IssuerAway("what it gave us can't be read: were ENCRYPTION_KEYS changed?") from exc


def _context(sign_in: SignIn) -> str:
    return f"sign-in:{sign_in.pk}"
