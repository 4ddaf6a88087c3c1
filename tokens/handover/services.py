"""Issue a token for somebody else to take: once, by a link, within HANDOVER_SECONDS."""

from __future__ import annotations

import secrets
import time
from dataclasses import dataclass, field

from django.conf import settings
from django.db import transaction

from gateway.kernel import audit
from gateway.kernel.principal import Principal
from gateway.kernel.secrets import SecretUnreadable, box
from tokens import services
from tokens.errors import BadTokenField, TokenError
from tokens.handover.models import Handover
from tokens.models import Token
from tokens.signin.codes import sha256

FIELD = "handover"
SECRET_BYTES = 32
LONGEST = 255


class HandoverGone(TokenError):
    """It was taken, it is too old, or its token has ended."""

    def __init__(self) -> None:
        super().__init__("This token was handed over already, or the link is too old")


class HandoverUnknown(TokenError):
    """There was never such a link."""

    def __init__(self) -> None:
        super().__init__("There is no such link")


@dataclass(frozen=True, slots=True)
class HandedOver:
    """A new token whose secret nobody has seen, and the secret of the link to it, which exists nowhere else."""

    token: Token
    expires_at: int  # Unix seconds
    secret: str = field(repr=False)


@dataclass(frozen=True, slots=True)
class Taken:
    """A token with its secret, for the one who has opened the link."""

    token: Token
    secret: str = field(repr=False)


def is_wanted(value: object) -> bool:
    """Read the field `handover`. Raises BadTokenField, also where there is no page to take a token at."""
    if value is not None and not isinstance(value, bool):
        raise BadTokenField(FIELD, "must be true or false")
    if value and settings.GATEWAY.DISABLE_CONSOLE:
        raise BadTokenField(FIELD, "there is no page to take it at: DISABLE_CONSOLE is set")
    return bool(value)


def issue(*, principal: Principal, **given: object) -> HandedOver:
    """Issue a token as `tokens.services.issue` does, and keep its secret for whoever opens the link."""
    secret, now = secrets.token_urlsafe(SECRET_BYTES), int(time.time())
    with transaction.atomic():
        made = services.issue(principal=principal, **given)
        ends_at = min(now + max(1, int(settings.GATEWAY.HANDOVER_SECONDS)), made.token.expires_at)
        Handover.objects.filter(expires_at__lte=now).exclude(sealed="").update(sealed="")
        Handover.objects.create(
            secret_sha256=sha256(secret), token=made.token, made_at=now, expires_at=ends_at,
            sealed=box().encrypt(made.secret, _context(made.token)),
        )  # fmt: skip
        audit.record(principal, "token.handover", f"token:{made.token.id}", None, {"expires_at": ends_at})
    return HandedOver(made.token, ends_at, secret)


def find(secret: str) -> Handover:
    """Return what can be taken with this link, and change nothing. Raises HandoverUnknown, HandoverGone."""
    row = Handover.objects.select_related("token").filter(secret_sha256=sha256(secret[:LONGEST])).first()
    if row is None:
        raise HandoverUnknown
    now = time.time()
    if not row.is_open(now) or row.token.state(now) != "active":
        raise HandoverGone
    return row


def take(secret: str, *, principal: Principal) -> Taken:
    """Return the token with its secret, once, and forget the secret. Raises HandoverUnknown, HandoverGone."""
    with transaction.atomic():
        row = find(secret)
        now = int(time.time())
        # One of two at once finds nothing left to open.
        waiting = Handover.objects.filter(pk=row.pk, opened_at=None, expires_at__gt=now)
        if not waiting.update(opened_at=now, sealed=""):
            raise HandoverGone
        try:
            plain = box().decrypt(row.sealed, _context(row.token))
        except SecretUnreadable:
            raise HandoverGone from None
        audit.record(principal, "token.handover-open", f"token:{row.token.id}", None, None)
    return Taken(row.token, plain)


def address(base: str, secret: str) -> str:
    """Return the link, at PUBLIC_URL where there is one."""
    public: str = settings.GATEWAY.PUBLIC_URL
    return f"{(public or base).rstrip('/')}/handover/{secret}"


def _context(token: Token) -> str:
    return f"handover:{token.id}"
