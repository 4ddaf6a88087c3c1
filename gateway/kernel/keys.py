"""Derive keys from one secret. Each purpose has its own label, so that one key tells nothing of another."""

from __future__ import annotations

import base64

from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

DJANGO_LABEL = "django-secret-key"
DATA_LABEL = "data-encryption"


def derive(secret: str, label: str, length: int = 32) -> bytes:
    """Return `length` bytes of HKDF-SHA256 over `secret`, without salt, `label` as info."""
    return HKDF(algorithm=SHA256(), length=length, salt=None, info=label.encode()).derive(secret.encode())


def django_secret_key(given: str, token_secret: str) -> str:
    """Return Django's SECRET_KEY. Empty when there is no secret at all: Django then refuses to sign."""
    if given or not token_secret:
        return given
    return base64.urlsafe_b64encode(derive(token_secret, DJANGO_LABEL, 48)).decode()


def data_encryption_keys(given: tuple[str, ...], token_secret: str) -> tuple[bytes, ...]:
    """Return the keys, 32 bytes each, for secrets at rest: the first encrypts, all decrypt.

    The one derived from TOKEN_SECRET stays the last reader, so that naming ENCRYPTION_KEYS later
    does not lose what was written before.
    """
    derived = (derive(token_secret, DATA_LABEL),) if token_secret else ()
    return tuple(derive(key, DATA_LABEL) for key in given) + derived
