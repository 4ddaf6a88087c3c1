"""End sign-ins: no refresh token and no bearer of theirs is good any more."""

from __future__ import annotations

from collections.abc import Iterable

from django.conf import settings

from gateway.kernel import audit
from gateway.kernel.principal import Principal
from tokens.errors import TokenError
from tokens.jwt import signing
from tokens.people import following
from tokens.people.standing import address_of
from tokens.revisions import counted
from tokens.signin import codes
from tokens.signin.bearers import as_person
from tokens.signin.models import SignIn


def end(sign_ins: Iterable[SignIn], why: str, *, principal: Principal) -> int:
    """End these sign-ins and tell how many were not over yet. There is no way back."""
    ended = 0
    with counted() as revision:
        for sign_in in sign_ins:
            if not following.close(SignIn.objects.filter(pk=sign_in.pk), revision):
                continue
            ended += 1
            who = "" if sign_in.user is None else address_of(sign_in.user)
            shown = {"client": sign_in.client or None, "reason": why}
            audit.record(principal, "signin.revoke", f"person:{who}", None, shown)
    return ended


def sign_out(sign_in: SignIn, *, principal: Principal) -> None:
    """End the sign-in of a client that presents its bearer or refresh token: its person is who asks."""
    who = principal if sign_in.user is None else as_person(principal, sign_in.user)
    end([sign_in], "the client signed out", principal=who)


def of_presented(presented: str) -> SignIn | None:
    """Return the sign-in of a bearer or a refresh token, also of an old one; None for anything else."""
    secret = settings.GATEWAY.TOKEN_SECRET
    rows = SignIn.objects.select_related("user")
    found = codes.read_refresh_token(presented, secret)
    if found is not None:
        return rows.filter(pk=found[0]).first()
    try:
        claims = signing.verify(presented, secret.encode())
    except TokenError:
        return None
    return rows.filter(token__pk=claims.sub).first() if claims.sub.isprintable() else None
