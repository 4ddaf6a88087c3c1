"""An app on a phone that makes codes by time: RFC 6238, written down anew so that nothing of ours judges itself."""

from __future__ import annotations

import base64
import hashlib
import hmac
import time

from django.contrib.auth.models import User

from gateway.kernel.secrets import box
from tokens.totp.models import Totp

STEP_SECONDS = 30


def code_of(secret: str, steps: int = 0, now: float | None = None) -> str:
    """Return the code of this moment, or of so many steps of 30 seconds later."""
    at = int((time.time() if now is None else now) // STEP_SECONDS) + steps
    digest = hmac.digest(base64.b32decode(secret), at.to_bytes(8, "big"), hashlib.sha1)
    start = digest[-1] & 15
    number = int.from_bytes(digest[start : start + 4], "big") & 0x7FFFFFFF
    return f"{number % 1_000_000:06d}"


def give(user: User, secret: str) -> None:
    """Give somebody this second factor, of which no code has been taken."""
    Totp.objects.create(user=user, sealed=box().encrypt(secret, f"totp:{user.pk}"), since=1)
