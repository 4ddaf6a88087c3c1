"""Where one call goes, with what it may show there. Data only: drivers read it, accounts fill it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum


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


@dataclass(frozen=True, slots=True)
class Upstream:
    """Where this call goes: provider + account + model."""

    provider: str
    kind: str  # names the driver
    base_url: str  # no trailing slash; scheme and host are pinned to it
    account: str
    credential: Credential
    model: str | None = None
    headers: Mapping[str, str] = field(default_factory=dict)  # the operator's extra headers
    proxy: str | None = field(default=None, repr=False)
