"""Hand a new secret to the page that shows it, once: over a redirect, so that reloading issues nothing.

It lies sealed in the session of whoever issued it until that page is opened, a minute at most.
"""

from __future__ import annotations

import json
import time
from dataclasses import asdict, dataclass

from django.http import HttpRequest

from gateway.kernel import secrets
from gateway.kernel.sealing import BoxSealer

KEY = "tokens.issued"
SECONDS = 60.0


@dataclass(frozen=True, slots=True)
class Handed:
    """A secret on its way to be shown."""

    secret: str
    token_id: str
    old_ends: str | None  # of the token that it replaces
    at: float  # Unix seconds


def hand_over(request: HttpRequest, secret: str, token_id: str, old_ends: str | None = None) -> None:
    """Leave the secret for the page that shows it."""
    plain = json.dumps(asdict(Handed(secret, token_id, old_ends, time.time()))).encode()
    request.session[KEY] = BoxSealer(secrets.box()).seal(plain, KEY)


def taken(request: HttpRequest) -> Handed | None:
    """Return the secret that was left, and forget it; None when there is none, or its time is over."""
    sealed = request.session.pop(KEY, None)
    plain = None if sealed is None else BoxSealer(secrets.box()).open(sealed, KEY)
    if plain is None:
        return None
    handed = Handed(**json.loads(plain))
    return handed if time.time() - handed.at <= SECONDS else None
