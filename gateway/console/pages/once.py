"""Leave something for the page that a form leads to, to be shown once: sealed in the session of who sent the form."""

from __future__ import annotations

import json
import time
from collections.abc import Mapping
from typing import Any

from django.http import HttpRequest

from gateway.kernel import secrets
from gateway.kernel.sealing import BoxSealer

KEY = "console.once."
SECONDS = 60.0


def leave(request: HttpRequest, about: str, told: Mapping[str, object]) -> None:
    """Leave words for the next page that asks what is left about this."""
    plain = json.dumps({**told, "left_at": time.time()}).encode()
    request.session[KEY + about] = BoxSealer(secrets.box()).seal(plain, KEY + about)


def taken(request: HttpRequest, about: str) -> dict[str, Any] | None:
    """Return what was left, and forget it; None when there is nothing, or its time is over."""
    sealed = request.session.pop(KEY + about, None)
    plain = None if sealed is None else BoxSealer(secrets.box()).open(sealed, KEY + about)
    if plain is None:
        return None
    told: dict[str, Any] = json.loads(plain)
    return told if time.time() - told.pop("left_at") <= SECONDS else None
