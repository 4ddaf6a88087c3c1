"""One finished call, as recorder, ledger, metrics and live feed all read it.

The relay makes an `Exchange` when a call comes in, fills it on the way and hands it over once, when the call
has ended. Nobody changes it afterwards. No secret and no body ever goes in.
"""

from __future__ import annotations

from decimal import Decimal
from typing import Protocol

import msgspec

from providers.dialects.types import Failure, FailureKind, Usage

NO_USAGE = Usage()
MAX_WORDS = 500
"""Characters that are kept of what went wrong."""
CLIENT_LEFT = 499
"""The status of an exchange whose client closed the connection before its answer was complete."""


class Refusal(msgspec.Struct, frozen=True):
    """An upstream's own words for its refusal, without secrets."""

    type: str
    message: str


class Try(msgspec.Struct, frozen=True):
    """One request to an upstream, and why its answer was passed on or left."""

    provider: str
    account: str  # "" = the provider's own key
    status: int | None  # None: it has not answered
    reason: str
    seconds: float  # until the next one began, or the call was over


class Exchange(msgspec.Struct):
    """Call, answer, times and usage. Times in seconds, `started_at` in Unix seconds; "" = not known.

    `bytes_out` are body bytes sent to the upstream, `bytes_in` body bytes received from it (all attempts).
    """

    id: str  # UUIDv7 text: the request id
    started_at: float
    surface: str = ""  # a name in `gateway/exchange/surfaces.py`; "" = none was reached; `batch`: a bill
    method: str = ""
    path: str = ""  # without query
    peer: str = ""  # the client's address

    token_id: str = ""
    token_label: str = ""
    person: str = ""  # the e-mail of the token's person
    group: str = ""  # the name of the token's own group
    ledger_id: str = ""  # names the token's spending, through rotations
    group_ledger: str = ""  # of the token's group, and of that group's parent
    parent_ledger: str = ""
    provider: str = ""
    account: str = ""
    model_asked: str = ""
    model_served: str = ""  # what the upstream says it served

    status: int = 0  # as the client saw it; `CLIENT_LEFT` when it left
    is_stream: bool = False
    is_handed_on: bool = (
        False  # it goes on in the background, as an exchange of its own: that one is recorded
    )
    is_refusal: bool = False  # the answer is ours: no upstream has answered this call
    failure_kind: FailureKind | None = None
    failure_message: str = ""  # redacted; for our own eyes, never a body
    upstream_status: int | None = None  # of the last attempt; None = none has answered
    upstream_refusal: Refusal | None = None  # of the last upstream that refused
    tries: tuple[Try, ...] = ()  # in order; none where the first upstream has served the call
    attempts: int = 0  # calls sent upstream
    is_sent: bool = False  # an upstream has got it, or may have: a refused connection has not

    first_byte_seconds: float | None = None  # until the first byte of the answer left for the client
    total_seconds: float = 0.0
    overhead_seconds: float = 0.0  # our own share: total less waiting for upstream and client
    bytes_in: int = 0
    bytes_out: int = 0

    usage: Usage = NO_USAGE
    rehearsal: str = ""  # the id of the rehearsal whose fault this call has met
    cost: Decimal | None = None  # None = unknown price
    currency: str = ""

    def note(self, failure: Failure) -> None:
        """Note why the call failed here. The words have no secrets any more."""
        self.failure_kind = failure.kind
        self.keep_words(failure)

    def keep_words(self, failure: Failure) -> None:
        """Keep the upstream's words for its refusal, which passes to the caller."""
        self.failure_message = failure.message[:MAX_WORDS]


class ExchangeSink(Protocol):
    """Hears of every finished exchange: recorder, metrics, log, live feed."""

    def concluded(self, exchange: Exchange) -> None:
        """Take the finished exchange. Quick, never waits, never raises."""
