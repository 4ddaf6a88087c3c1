"""Tell from a secret whose token it is, by asking the rows: for pages, which are few."""

from __future__ import annotations

import time

from django.conf import settings
from django.contrib.auth.models import User
from django.db.models import Q, QuerySet

from tokens.errors import ExpiredToken, InvalidToken, RevokedToken, UnrecordedToken
from tokens.jwt import signing
from tokens.models import Token

MOMENT_SECONDS = 120
"""Life of a secret that is made for one call."""


def proved(secret: str) -> Token:
    """Return the token of a secret that is good. Raises `AuthenticationFailed`."""
    claims = signing.verify(secret.strip(), settings.GATEWAY.TOKEN_SECRET.encode())
    if claims.has_audience:
        raise InvalidToken("InvalidAudience")
    token = _rows().filter(pk=claims.sub).first() if claims.sub.isprintable() else None
    if token is None:
        raise UnrecordedToken
    if token.is_revoked:
        raise RevokedToken
    if time.time() >= min(claims.exp, token.expires_at):
        raise ExpiredToken
    return token


def alive(token_id: str) -> Token | None:
    """Return the token of this id; None once it has ended."""
    return _alive().filter(pk=token_id).first()


def tokens_of_person(user: User) -> list[Token]:
    """Return the tokens that a person answers for and that have not ended, newest first; not those of her sign-ins."""
    return list(_alive().filter(person__user=user, sign_in=None))


def token_of_sign_ins(user: User) -> Token | None:
    """Return the bearer of a person's newest sign-in that has not ended; None when she is signed in nowhere."""
    return _alive().filter(Q(sign_in__user=user) & Q(sign_in__revoked_at=None)).first()


def momentary_secret(token: Token) -> str:
    """Return a secret of a token for a call that its owner asks for now. It ends by itself, and is kept nowhere."""
    now = int(time.time())
    claims = signing.Claims(token.id, now, min(token.expires_at, now + MOMENT_SECONDS), token.label)
    return signing.sign(claims, settings.GATEWAY.TOKEN_SECRET.encode())


def _rows() -> QuerySet[Token]:
    return Token.objects.select_related("group__parent", "person__user", "sign_in__user")


def _alive() -> QuerySet[Token]:
    return _rows().filter(revoked_at=None, expires_at__gt=int(time.time())).order_by("-issued_at", "-id")
