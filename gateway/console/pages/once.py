"""Leave something for the page that a form leads to, to be shown once: sealed in the session of who sent the form."""

from __future__ import annotations

import json
import time
from collections.abc import Mapping
from typing import Any

from django.http import HttpRequest

from gateway.kernel import secrets
from gateway.kernel.sealing import BoxSealer

KEY = "console.once"
SECONDS = 60.0


def leave(request: HttpRequest, told: Mapping[str, object]) -> None:
    """Leave words for the next page."""
    plain = json.dumps({**told, "left_at": time.time()}).encode()
    request.session[KEY] = BoxSealer(secrets.box()).seal(plain, KEY)


def taken(request: HttpRequest) -> dict[str, Any] | None:
    """Return what was left, and forget it; None when there is nothing, or its time is over."""
    sealed = request.session.pop(KEY, None)
    plain = None if sealed is None else BoxSealer(secrets.box()).open(sealed, KEY)
    if plain is None:
        return None
    told: dict[str, Any] = json.loads(plain)
    return told if time.time() - told.pop("left_at") <= SECONDS else None
