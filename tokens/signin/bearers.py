"""Give a sign-in its bearer: one token row for all its life, signed anew at each refresh."""

from __future__ import annotations

import math
import uuid
from dataclasses import dataclass, field, replace

from django.conf import settings
from django.contrib.auth.models import User
from django.db import transaction

from gateway.kernel.principal import Principal, PrincipalKind
from tokens import changes
from tokens.jwt import signing
from tokens.models import Token
from tokens.people import standing as standings
from tokens.people.models import Person
from tokens.signin import codes
from tokens.signin.models import SignIn


@dataclass(frozen=True, slots=True)
class Pair:
    """What a client gets: its bearer, and what it gets the next one with."""

    expires_in: int
    email: str
    bearer: str = field(repr=False)
    refresh_token: str = field(repr=False)


def create(sign_in: SignIn, user: User, now: float, revision: int) -> Token:
    """Make the token of a new sign-in, under its person's limits and in her ledger."""
    person, _ = Person.objects.get_or_create(user=user)
    standing = standings.standing(person, standings.groups_of(user))
    ends_at = _ends_at(now)
    token = Token.objects.create(
        id=str(uuid.uuid4()),
        issued_at=int(now),
        expires_at=ends_at,
        signed_until=ends_at,
        sign_in=sign_in,
        person=person,
        ledger_id=standings.ledger_of(user.pk),
        revision=revision,
        **standing.values(),
    )
    transaction.on_commit(changes.announce_issued)
    return token


def extend(token: Token, now: float, revision: int) -> Token:
    """Let the token live on: bearers that were signed before keep their own end."""
    ends_at = max(_ends_at(now), token.signed_until)
    Token.objects.filter(pk=token.pk).update(expires_at=ends_at, signed_until=ends_at, revision=revision)
    token.expires_at = token.signed_until = ends_at
    return token


def pair(sign_in: SignIn, token: Token, now: float) -> Pair:
    """Sign the bearer of a sign-in, and name its refresh token."""
    secret = settings.GATEWAY.TOKEN_SECRET
    claims = signing.Claims(token.id, int(now), token.signed_until, token.label)
    return Pair(
        expires_in=token.signed_until - int(now),
        email="" if sign_in.user is None else standings.address_of(sign_in.user),
        bearer=signing.sign(claims, secret.encode()),
        refresh_token=codes.refresh_token(sign_in.id, sign_in.generation, secret),
    )


def as_person(somebody: Principal, user: User) -> Principal:
    """Return the principal of somebody who holds what only this person's client has."""
    return replace(somebody, kind=PrincipalKind.PERSON, name=standings.address_of(user))


def _ends_at(now: float) -> int:
    return int(now) + max(1, math.ceil(settings.GATEWAY.SIGN_IN_TOKEN_SECONDS))
