"""Note of a call what its record does not keep: whose trace it belongs to, and when each upstream was asked."""

from __future__ import annotations

import re
import time
from dataclasses import dataclass
from itertools import pairwise

from gateway.exchange.attempts import Attempt
from gateway.exchange.context import Arrival, CallContext
from gateway.exchange.exchange import Exchange
from gateway.exchange.surfaces import Action
from providers.catalog.records import Route
from providers.dialects.types import Call, WireAnswer, header

PARENTS = ("traceparent", "tracestate")
MOST_PARENT_BYTES = 1_024
CHATS = frozenset(("messages", "chat_completions", "responses", "bedrock", "vertex"))
COUNTS = (b"count_tokens", b"count-tokens", b"input_tokens", b"count-tokens:rawPredict")
FORWARDED = {b"/v1/embeddings": "embeddings", b"/v1/completions": "text_completion"}

REASONS = (
    "end_turn|max_tokens|stop_sequence|tool_use|pause_turn|refusal|compaction|model_context_window_exceeded|"
    "stop|length|tool_calls|function_call|content_filter|completed|incomplete|failed|cancelled"
)
_REASON = re.compile(rb'"(?:stop_reason|finish_reason)"\s*:\s*"(%s)"' % REASONS.encode())
_STATUS = re.compile(rb'"object"\s*:\s*"response"[^{}]{0,200}?"status"\s*:\s*"(%s)"' % REASONS.encode())
KEPT_BYTES = 256


@dataclass(frozen=True, slots=True)
class Asked:
    """One request to an upstream. Times in Unix seconds; `error` as `error.type` has it, "" = none."""

    provider: str
    kind: str
    account: str
    model: str
    address: str
    status: int | None
    error: str
    began_at: float
    ended_at: float


@dataclass(frozen=True, slots=True)
class Noted:
    """What is traced of a call beside its record. `operation`: GenAI's name for it, else the surface's."""

    exchange: Exchange
    operation: str
    parent: dict[str, str]
    asked: tuple[Asked, ...]
    finish_reasons: tuple[str, ...]


class FinishTap:
    """Looks in an answer for why it ended: words that are known, nothing else of it."""

    def __init__(self) -> None:
        self.reasons: dict[str, None] = {}
        self._tail = b""

    async def answered(self, answer: WireAnswer) -> None:
        """Look through a whole answer."""
        self._look(answer.body)

    async def fed(self, data: bytes) -> None:
        """Look through the next bytes, and the seam before them."""
        self._look(self._tail + data)
        self._tail = (self._tail + data)[-KEPT_BYTES:]

    def _look(self, data: bytes) -> None:
        for pattern in (_REASON, _STATUS):
            for found in pattern.finditer(data):
                self.reasons[found[1].decode()] = None


def tap(context: CallContext, route: Route, call: Call) -> FinishTap | None:
    """Make the tap of an attempt: of calls to models alone."""
    return FinishTap() if context.surface.name in CHATS and context.surface.has_body else None


def noted(arrival: Arrival) -> Noted:
    """Return what a call leaves behind. It has been concluded."""
    attempts, exchange = arrival.attempts, arrival.exchange
    reasons: tuple[str, ...] = ()
    if attempts and (reply := attempts[-1].reply) is not None:
        found = [tap.reasons for tap in reply.taps if isinstance(tap, FinishTap)]
        reasons = tuple(reason for each in found for reason in each)
    return Noted(exchange, _operation(arrival), _parent(arrival), tuple(_asked(arrival)), reasons)


def _operation(arrival: Arrival) -> str:
    surface, path = arrival.surface, arrival.path
    if surface.name in CHATS and surface.action is Action.RELAY and not path.endswith(COUNTS):
        return "chat"
    return FORWARDED.get(path, surface.name)


def _parent(arrival: Arrival) -> dict[str, str]:
    """Return the W3C headers by which a caller names its trace."""
    found = {}
    for name in PARENTS:
        value = header(arrival.request.headers, name.encode())
        if value is not None and len(value) <= MOST_PARENT_BYTES:
            found[name] = value.decode("latin-1")
    return found


def _asked(arrival: Arrival) -> list[Asked]:
    attempts = arrival.attempts
    if not attempts:
        return []
    offset = time.time() - time.monotonic()
    moments = [*(attempt.began_at + offset for attempt in attempts), time.time()]
    return [
        _one(attempt, arrival.exchange, began, max(began, ended))
        for attempt, (began, ended) in zip(attempts, pairwise(moments), strict=True)
    ]


def _one(attempt: Attempt, exchange: Exchange, began: float, ended: float) -> Asked:
    failure = attempt.failure or attempt.translator.failure
    error = "" if failure is None else str(failure.kind)
    if attempt.status is not None and attempt.status >= 400:
        error = str(attempt.status)
    provider, lease = attempt.route.provider, attempt.lease
    model = attempt.route.target.model or exchange.model_asked
    return Asked(
        provider.name, provider.kind, lease.account, model, provider.base_url, attempt.status, error, began, ended
    )  # fmt: skip
