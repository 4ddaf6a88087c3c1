"""Add up what the results of a batch have used, line by line, as they come."""

from __future__ import annotations

from dataclasses import dataclass
from decimal import Decimal

import msgspec
from msgspec.structs import replace

from gateway.exchange.exchange import NO_USAGE
from gateway.usage.metering import summed
from gateway.usage.prices.table import PriceTable
from providers.dialects.anthropic_messages import UsageFields, merge_usage
from providers.dialects.mending import UNREADABLE, tolerant
from providers.dialects.types import BATCH, MODES, MOST_TOKENS, Usage

MAX_LINE_BYTES = 64 * 1024 * 1024
COUNTS = tuple(name for name in Usage.__struct_fields__ if name.endswith("_tokens"))


class TooLong(Exception):
    """A line of results is longer than any answer."""


class _Message(msgspec.Struct):
    model: str | None = None
    usage: UsageFields | None = None


class _Result(msgspec.Struct):
    message: _Message | None = None  # of calls that have succeeded: others cost nothing


class _Line(msgspec.Struct):
    result: _Result | None = None


_decoder = msgspec.json.Decoder(_Line)


@dataclass(slots=True)
class Total:
    """What the calls of one model have used. `cost` None: its price is not known."""

    usage: Usage = NO_USAGE
    cost: Decimal | None = None
    currency: str = ""


class Bill:
    """What a batch at one provider has used, by model. Bytes may come in any split."""

    def __init__(self, prices: PriceTable, provider: str) -> None:
        self.totals: dict[str, Total] = {}
        self.unreadable = 0  # lines
        self._prices = prices
        self._provider = provider
        self._rest = bytearray()

    def feed(self, data: bytes) -> None:
        """Count the lines that are whole now. Raises `TooLong`."""
        self._rest += data
        if b"\n" not in data:
            if len(self._rest) > MAX_LINE_BYTES:
                raise TooLong
            return
        *lines, last = bytes(self._rest).split(b"\n")
        self._rest = bytearray(last)
        for line in lines:
            self._count(line)

    def finish(self) -> None:
        """Count what has no line end."""
        self._count(bytes(self._rest))
        self._rest.clear()

    def _count(self, line: bytes) -> None:
        if not line.strip():
            return
        try:
            result = tolerant(_decoder.decode, line).result
        except UNREADABLE:
            self.unreadable += 1
            return
        message = None if result is None else result.message
        if message is None or message.usage is None:
            return
        self._add(message.model or "", _as_batch(merge_usage(Usage(), message.usage)))

    def _add(self, model: str, usage: Usage) -> None:
        total = self.totals.setdefault(model, Total())
        cost = self._prices.cost(usage, model, self._provider)
        if cost is not None:
            total.cost, total.currency = (total.cost or Decimal(0)) + cost.amount, cost.currency
        total.usage = _plus(total.usage, summed(usage))


def _as_batch(usage: Usage) -> Usage:
    """Return the usage as that of work that could wait, whether or not its tier was told; counts within bounds."""
    counts = {name: min(max(0, getattr(usage, name)), MOST_TOKENS) for name in COUNTS}
    found = {*usage.modes, BATCH}
    return replace(usage, modes=tuple(mode for mode in MODES if mode in found), **counts)


def _plus(one: Usage, other: Usage) -> Usage:
    sums = {name: min(getattr(one, name) + getattr(other, name), MOST_TOKENS) for name in COUNTS}
    return Usage(**sums)
