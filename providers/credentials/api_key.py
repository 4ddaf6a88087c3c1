"""An API key, in a header of its own or as a bearer token."""

from __future__ import annotations

from providers.credentials.base import Draft
from providers.upstream import Credential


class ApiKey:
    """Send the key as it is in the header of that name."""

    def __init__(self, name: bytes) -> None:
        self._name = name

    def apply(self, draft: Draft, credential: Credential, now: float) -> None:
        """Add the header."""
        draft.headers.append((self._name, credential.secret.encode()))


class Bearer:
    """Send the key as `Authorization: Bearer`."""

    def apply(self, draft: Draft, credential: Credential, now: float) -> None:
        """Add the header."""
        draft.headers.append((b"authorization", b"Bearer " + credential.secret.encode()))
