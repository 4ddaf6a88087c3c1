"""The client's side of an exchange that runs in the background: nobody's leaving ends it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from gateway.exchange.downstream import Downstream
from gateway.exchange.exchange import Exchange
from providers.dialects.types import Call


@dataclass(frozen=True, slots=True)
class Sent:
    """The call as its answer was made: with what it referred to put in, unless the upstream has kept that."""

    call: Call
    exchange: Exchange
    is_native: bool  # the upstream speaks the call's dialect


class Detached(Downstream):
    """Tells when an upstream is about to be asked, and keeps what was sent."""

    __slots__ = ("_on_sent", "sent")

    def __init__(self, on_sent: Callable[[], None], *of_downstream: Any) -> None:
        super().__init__(*of_downstream)
        self._on_sent = on_sent
        self.sent: Sent | None = None

    def await_upstream(
        self, now: float, first_byte_seconds: float | None, idle_seconds: float | None
    ) -> None:
        super().await_upstream(now, first_byte_seconds, idle_seconds)
        self._on_sent()
