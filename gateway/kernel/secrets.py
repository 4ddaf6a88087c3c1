"""Secrets at rest: AES-256-GCM, bound to the name of what they belong to.

Stored text is `gcm1:` + base64(nonce + ciphertext + tag). The reference router's `aes256gcm:` form
(key = SHA-256 of TOKEN_SECRET, no associated data) is read, and written into its own file only.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import os
from collections.abc import Sequence
from functools import lru_cache

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from django.conf import settings

PREFIX = "gcm1:"
REFERENCE_PREFIX = "aes256gcm:"
NONCE_BYTES = 12


class SecretUnreadable(Exception):
    """A stored secret does not open with any of our keys, or is no stored secret at all."""


def fingerprint(secret: str) -> str:
    """Return what logs and rows may show of a secret: the first 8 hex digits of its SHA-256."""
    return hashlib.sha256(secret.encode()).hexdigest()[:8]


class SecretBox:
    """Encrypts with the first key, decrypts with any. `repr` shows no key."""

    def __init__(self, keys: Sequence[bytes], reference_secret: str = "") -> None:
        """Take the keys, 32 bytes each, at least one."""
        if not keys:
            raise ValueError("SecretBox needs at least one key")
        self._ciphers = [AESGCM(key) for key in keys]
        self._reference = AESGCM(hashlib.sha256(reference_secret.encode()).digest())

    def encrypt(self, plain: str, context: str) -> str:
        """Encrypt a text. `context` names its owner ("account:primary"); the same is needed to decrypt."""
        nonce = os.urandom(NONCE_BYTES)
        sealed = self._ciphers[0].encrypt(nonce, plain.encode(), context.encode())
        return PREFIX + base64.b64encode(nonce + sealed).decode()

    def encrypt_for_reference(self, plain: str) -> str:
        """Encrypt into the reference router's form: for its file, so that a way back stays open."""
        nonce = os.urandom(NONCE_BYTES)
        sealed = self._reference.encrypt(nonce, plain.encode(), None)
        return REFERENCE_PREFIX + base64.b64encode(nonce + sealed).decode()

    def decrypt(self, stored: str, context: str) -> str:
        """Decrypt a stored text. Raises `SecretUnreadable`, whose text never contains the secret."""
        if stored.startswith(PREFIX):
            blob = _decode(stored.removeprefix(PREFIX))
            return _open(self._ciphers, blob, context.encode())
        if stored.startswith(REFERENCE_PREFIX):
            blob = _decode(stored.removeprefix(REFERENCE_PREFIX))
            return _open([self._reference], blob, None)
        raise SecretUnreadable("unsupported stored secret format")


def box() -> SecretBox:
    """Return the box of this installation: keys derived from ENCRYPTION_KEYS, then from TOKEN_SECRET."""
    return _box(settings.DATA_ENCRYPTION_KEYS, settings.GATEWAY.TOKEN_SECRET)


@lru_cache(maxsize=4)
def _box(keys: tuple[bytes, ...], token_secret: str) -> SecretBox:
    return SecretBox(keys, token_secret)


def _decode(text: str) -> bytes:
    try:
        blob = base64.b64decode(text, validate=True)
    except (binascii.Error, ValueError) as exc:
        raise SecretUnreadable("stored secret is not base64") from exc
    if len(blob) <= NONCE_BYTES:
        raise SecretUnreadable("stored secret is too short")
    return blob


def _open(ciphers: Sequence[AESGCM], blob: bytes, context: bytes | None) -> str:
    for cipher in ciphers:
        try:
            return cipher.decrypt(blob[:NONCE_BYTES], blob[NONCE_BYTES:], context).decode()
        except (InvalidTag, UnicodeDecodeError):
            continue
    raise SecretUnreadable("stored secret does not open with any of our keys")
