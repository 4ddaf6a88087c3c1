"""The seam between a request that is being built and the credential that it shows."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Protocol

import httpx
import msgspec

from providers.upstream import Credential, CredentialKind


class Draft(msgspec.Struct):
    """A request as it will leave, but for its credential. Header names are lower case; a strategy may add some."""

    method: str
    url: httpx.URL  # pins scheme and host
    target: bytes  # path and query, byte for byte
    headers: list[tuple[bytes, bytes]]
    body: bytes


class CredentialStrategy(Protocol):
    """Adds a credential to a draft: which header, which signature."""

    def apply(self, draft: Draft, credential: Credential, now: float) -> None:
        """Change `draft.headers`. `now` in Unix seconds, for signatures that hold for a while."""


Strategies = Mapping[CredentialKind, CredentialStrategy]
"""A kind that is not in it shows nothing."""
