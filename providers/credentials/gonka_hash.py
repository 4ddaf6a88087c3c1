"""The Rust router's own headers for Gonka: a hash over the key's text and what is sent. Not what the network takes."""

from __future__ import annotations

import hashlib

from providers.credentials.base import Draft
from providers.upstream import Credential


class GonkaHash:
    """Sign a draft as the Rust router does: `path` is the API's own, without the base's."""

    def __init__(self, path: bytes) -> None:
        self._path = path

    def apply(self, draft: Draft, credential: Credential, now: float) -> None:
        """Add time and signature; whole seconds."""
        seconds = str(int(now)).encode()
        body = hashlib.sha256(draft.body).hexdigest().encode()
        payload = b"\n".join((draft.method.encode(), self._path, body, seconds))
        signature = hashlib.sha256(credential.secret.encode() + b":" + payload).hexdigest()
        draft.headers += [(b"x-gonka-timestamp", seconds), (b"x-gonka-signature", signature.encode())]
