"""Where one call goes, with what it may show there. Data only: drivers read it, accounts fill it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum

import msgspec


class CredentialKind(StrEnum):
    API_KEY = "api_key"
    OAUTH = "oauth"
    NONE = "none"  # an upstream that asks for nothing


@dataclass(frozen=True, slots=True)
class Credential:
    """One secret of the operator's. `repr` never shows it."""

    kind: CredentialKind
    secret: str = field(repr=False)
    fingerprint: str = ""  # first 8 hex of SHA-256(secret): what logs and rows may show
    expires_at: float | None = None  # Unix seconds


class Upstream(msgspec.Struct, frozen=True):
    """Where this call goes: provider + account + model. `repr` shows neither the proxy's password nor headers."""

    provider: str
    kind: str  # names the driver
    base_url: str  # no trailing slash; scheme and host are pinned to it
    account: str
    credential: Credential
    model: str | None = None
    headers: Mapping[str, str] = msgspec.field(default_factory=dict)  # the operator's extra headers
    proxy: str | None = None

    def __repr__(self) -> str:
        return f"Upstream({self.provider!r}, {self.base_url!r}, {self.account!r}, {self.model!r})"
