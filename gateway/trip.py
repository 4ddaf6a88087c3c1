"""What one exchange carries along the road."""

from __future__ import annotations

from dataclasses import dataclass

import httpx

from accounts.pool import Lease
from gateway.exchange import Exchange
from gateway.responses_store import Keeping
from gateway.surfaces import Surface
from gateway.wire import Request, Wire
from providers.dialects.types import Envelope, Translator
from providers.drivers.base import Driver
from tokens.limits.ledger import Reservation


@dataclass(slots=True)
class Trip:
    """Filled in the order in which things happen. `answer` and `lease` are of the attempt that counts."""

    surface: Surface
    path: bytes  # of the surface's own API, without the legacy prefix
    request: Request
    wire: Wire
    exchange: Exchange
    envelope: Envelope | None = None
    translator: Translator | None = None
    is_kept: bool = False  # its answer may be referred to later
    keeping: Keeping | None = None
    lease: Lease | None = None
    driver: Driver | None = (
        None  # who judges what may still go wrong with the answer; None = it has been judged
    )
    reservation: Reservation | None = None
    input_estimate: int = 0  # tokens; 0 = nobody needed one
    model_sent: str = ""  # the upstream's name for the model, of the attempt that counts
    upstream_dialect: str = ""
    is_streaming: bool = False  # the upstream answers with events
    opening_output_tokens: int = 0  # as told at a stream's beginning: a figure beyond it is the final one
    is_whole: bool = False  # the upstream's answer has come to its proper end
    answer: httpx.Response | None = None
    waited_seconds: float = 0.0  # for the upstream, before its answer began
    body_seconds: float = 0.0  # for the client's body

    def wrapped(self, translator: Translator) -> Translator:
        """The translator, in the envelope in which the call came."""
        return translator if self.envelope is None else self.envelope.wrap(translator)
