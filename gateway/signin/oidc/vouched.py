"""Say what comes back from an issuer. No Authlib."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any


@dataclass(frozen=True, slots=True)
class Vouched:
    """The issuer's word on a person."""

    claims: Mapping[str, Any]
    after: str  # the page of ours where she wanted to
    refresh_token: str = field(default="", repr=False)
    ends_in: object = None  # seconds, of the refresh token; None or 0: it does not say
