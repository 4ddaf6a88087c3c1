"""Seals what travels through a client and must come back untouched: reasoning, stored answers."""

from __future__ import annotations

import base64

from providers.errors import SecretUnreadable
from providers.secrets import SecretBox


class BoxSealer:
    """`providers.dialects.types.Sealer` over the box that keeps secrets at rest."""

    def __init__(self, box: SecretBox) -> None:
        self._box = box

    def seal(self, plain: bytes, context: str) -> str:
        return self._box.encrypt(base64.b64encode(plain).decode(), f"seal:{context}")

    def open(self, sealed: str, context: str) -> bytes | None:
        try:
            return base64.b64decode(self._box.decrypt(sealed, f"seal:{context}"))
        except SecretUnreadable:
            return None
