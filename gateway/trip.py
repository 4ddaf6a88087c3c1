"""What one exchange carries along the road."""

from __future__ import annotations

from dataclasses import dataclass, field

import httpx

from accounts.pool import Lease
from gateway.exchange import Exchange
from gateway.surfaces import Surface
from gateway.wire import Request, Wire
from providers.dialects.types import Call, Translator, WireAnswer
from tokens.records import TokenRecord


@dataclass(slots=True)
class Trip:
    """Filled in the order in which things happen. `answer` and `lease` are of the attempt that counts."""

    surface: Surface
    path: bytes  # of the surface's own API, without the legacy prefix
    request: Request
    wire: Wire
    exchange: Exchange
    token: TokenRecord | None = None
    call: Call | None = None
    translator: Translator | None = None
    lease: Lease | None = None
    answer: httpx.Response | None = None
    waited_seconds: float = 0.0  # for the upstream, before its answer began
    body_seconds: float = 0.0  # for the client's body
    deferred: list[WireAnswer] = field(default_factory=list)  # refusals of accounts that were tried before
