"""People who are signed in, for tests: rows as the sign-in flow leaves them."""

from __future__ import annotations

import hashlib
import time
import uuid

from django.conf import settings

from tests.principals import SOMEBODY
from tokens.jwt import signing
from tokens.models import Token
from tokens.people import services, standing
from tokens.people.models import Person
from tokens.revisions import counted
from tokens.signin.models import SignIn

HOUR = 3600


def person(email: str = "ann@example.org", **given: object) -> Person:
    """Make a person."""
    return services.add(email, principal=SOMEBODY, **given)


def sign_in(who: Person, seconds: int = HOUR) -> Token:
    """Sign a person in; return the token of the sign-in."""
    now, first = int(time.time()), hashlib.sha256(uuid.uuid4().bytes).hexdigest()
    groups = standing.groups_of(who.user)
    with counted() as revision:
        begun = SignIn.objects.create(
            user=who.user, surface="claude_code", client="claude-code/2.1.332", started_at=now,
            ends_at=now + 30 * 24 * HOUR, refresh_sha256=first, group=groups[0] if groups else None,
        )  # fmt: skip
        return Token.objects.create(
            id=str(uuid.uuid4()), issued_at=now, expires_at=now + seconds, signed_until=now + seconds,
            sign_in=begun, person=who, ledger_id=standing.ledger_of(who.user.pk), revision=revision,
            **standing.standing(who, groups).values(),
        )  # fmt: skip


def bearer(token: Token) -> str:
    """Return the secret of a sign-in's token."""
    claims = signing.Claims(token.id, token.issued_at, token.signed_until, token.label)
    return signing.sign(claims, settings.GATEWAY.TOKEN_SECRET.encode())
