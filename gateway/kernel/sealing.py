"""Seal what travels through a client and must come back untouched: reasoning, stored responses."""

from __future__ import annotations

import base64

from gateway.kernel.secrets import SecretBox, SecretUnreadable

PREFIX = "~~~~~~~~~~~~LINK~ASSISTANT~ROUTER~SEALED~1~~~~~~~~~~~~"
"""Begins every seal: what is ours is known by it, without opening it.

Long, of few letters that are rare in text: every body is searched for it, and a search steps as far as it is long.
"""


class BoxSealer:
    """Seals with the box that keeps secrets at rest: a `providers.dialects.types.Sealer`."""

    prefix = PREFIX

    def __init__(self, box: SecretBox) -> None:
        self._box = box

    def seal(self, plain: bytes, context: str) -> str:
        return PREFIX + self._box.encrypt(base64.b64encode(plain).decode(), f"seal:{context}")

    def open(self, sealed: str, context: str) -> bytes | None:
        try:
            return base64.b64decode(self._box.decrypt(sealed.removeprefix(PREFIX), f"seal:{context}"))
        except SecretUnreadable:
            return None
