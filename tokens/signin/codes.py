"""Make and read the codes of a sign-in: the client's, the person's, and refresh tokens. Rows keep hashes.

A refresh token names its sign-in and its generation, and is signed: the same one can be given again when an answer got
lost, an older one is recognised although nothing of it is kept, and a made-up one costs no look-up.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import hmac
import secrets
from functools import lru_cache
from uuid import UUID

from gateway.kernel.keys import derive

DEVICE_PREFIX = "la_dc_"
REFRESH_PREFIX = "la_rt_"
DEVICE_BYTES = 32
LETTERS = "BCDFGHJKLMNPQRSTVWXZ"
"""No vowels, so no words; nothing that looks like a digit (RFC 8628, 6.1)."""
CODE_LENGTH = 8
LONGEST_TYPED = 64
KEY_LABEL = "sign-in-refresh"

_ID_BYTES, _GENERATION_BYTES, _MAC_BYTES = 16, 8, 32


def device_code() -> str:
    """Return a new code for the client."""
    return DEVICE_PREFIX + secrets.token_urlsafe(DEVICE_BYTES)


def user_code() -> str:
    """Return a new code for the person: eight letters, a hyphen in their middle."""
    return _in_two("".join(secrets.choice(LETTERS) for _ in range(CODE_LENGTH)))


def typed(text: str) -> str:
    """Return a code as it is stored, however it was typed: any case, with blanks and hyphens; "" for what is none."""
    if len(text) > LONGEST_TYPED:
        return ""
    letters = "".join(letter for letter in text.upper() if letter.isalnum())
    others = (letter for letter in text if not letter.isalnum())
    if any(not letter.isspace() and letter not in "-‐‑–—_." for letter in others):
        return ""
    if len(letters) != CODE_LENGTH or any(letter not in LETTERS for letter in letters):
        return ""
    return _in_two(letters)


def sha256(code: str) -> str:
    """Return what a row keeps of a code."""
    return hashlib.sha256(code.encode("utf-8", "surrogatepass")).hexdigest()


def refresh_token(sign_in: UUID, generation: int, secret: str) -> str:
    """Return the refresh token of a sign-in's generation: always the same one. `secret` is TOKEN_SECRET."""
    named = sign_in.bytes + generation.to_bytes(_GENERATION_BYTES, "big")
    mac = hmac.digest(_key(secret), named, "sha256")
    return REFRESH_PREFIX + base64.urlsafe_b64encode(named + mac).decode().rstrip("=")


def read_refresh_token(presented: str, secret: str) -> tuple[UUID, int] | None:
    """Return sign-in and generation of a refresh token of ours; None for anything else."""
    body = presented.removeprefix(REFRESH_PREFIX)
    if body == presented or len(body) > 2 * (_ID_BYTES + _GENERATION_BYTES + _MAC_BYTES):
        return None
    try:
        raw = base64.b64decode(body + "=" * (-len(body) % 4), altchars=b"-_", validate=True)
    except (binascii.Error, ValueError):
        return None
    if len(raw) != _ID_BYTES + _GENERATION_BYTES + _MAC_BYTES:
        return None
    sign_in = UUID(bytes=raw[:_ID_BYTES])
    generation = int.from_bytes(raw[_ID_BYTES : _ID_BYTES + _GENERATION_BYTES], "big")
    # The whole text, not only the bytes it decodes to: `+` for `-` would be a second spelling of the same token.
    wanted = refresh_token(sign_in, generation, secret)
    return (sign_in, generation) if hmac.compare_digest(presented, wanted) else None


def _in_two(letters: str) -> str:
    return f"{letters[:4]}-{letters[4:]}"


@lru_cache(maxsize=2)
def _key(secret: str) -> bytes:
    return derive(secret, KEY_LABEL)
