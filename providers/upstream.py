"""The destination of one call, with the secret for it.

Data only: drivers read it, accounts fill it.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum

import msgspec

from gateway.kernel.redaction import redact


class CredentialKind(StrEnum):
    API_KEY = "api_key"
    OAUTH = "oauth"
    HOME = "home"  # a directory where a command line keeps its own login; the secret is its path
    AWS = "aws"  # the secret says where AWS keys come from; "": botocore's chain
    GOOGLE = "google"  # the same for Google's; "": default credentials
    AZURE = "azure"  # tenant, client and its secret
    CALLER = "caller"  # the bearer that the caller came with, shown as it is
    NONE = "none"  # an upstream that asks for nothing


@dataclass(frozen=True, slots=True)
class Credential:
    """One secret of the operator's.

    `repr` never shows it.
    """

    kind: CredentialKind
    secret: str = field(repr=False)
    fingerprint: str = ""  # first 8 hex of SHA-256(secret): what logs and rows may show
    expires_at: float | None = None  # Unix seconds
    region: str = ""  # the account's own, which goes before its provider's

    def __post_init__(self) -> None:
        if self.kind is not CredentialKind.HOME:
            redact.learn(self.secret)  # here, so that none can be forgotten


class Upstream(msgspec.Struct, frozen=True):
    """The destination of one call: provider + account + model.

    `repr` shows neither the proxy's password nor headers.
    """

    provider: str
    kind: str  # names the driver
    base_url: str  # no trailing slash; scheme and host are pinned to it
    account: str
    credential: Credential
    model: str | None = None
    headers: Mapping[str, str] = msgspec.field(default_factory=dict)  # the operator's extra headers
    proxy: str | None = None
    options: Mapping[str, str] = msgspec.field(default_factory=dict)  # what its kind alone knows

    def __repr__(self) -> str:
        return f"Upstream({self.provider!r}, {self.base_url!r}, {self.account!r}, {self.model!r})"
