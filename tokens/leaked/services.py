"""Tell whose a secret is that somebody has found. It is looked at, and kept nowhere."""

from __future__ import annotations

import re

from django.conf import settings
from django.db import transaction

from gateway.kernel import audit
from gateway.kernel.principal import Principal
from tokens import fields, services
from tokens.errors import BadTokenField, TokenError, TokenNotFound
from tokens.jwt import signing
from tokens.models import Token

_SECRET = re.compile(re.escape(signing.PREFIX) + r"[A-Za-z0-9_.-]+")


def find(secret: object, *, principal: Principal) -> Token:
    """Return the token of a secret, whatever state it is in; words around it don't matter.

    Raises TokenNotFound when it is none that we have signed, or its row is gone; BadTokenField.
    """
    text = fields.text("secret", secret, signing.MAX_SECRET_LENGTH)
    if not text.strip():
        raise BadTokenField("secret", "must be given")
    found = _SECRET.search(text)
    try:
        claims = signing.verify(found[0] if found else text, settings.GATEWAY.TOKEN_SECRET.encode())
    except TokenError:
        raise TokenNotFound("") from None
    with transaction.atomic():
        token = services.get(claims.sub)
        audit.record(principal, "token.find", f"token:{token.id}", None, None)
        return token
