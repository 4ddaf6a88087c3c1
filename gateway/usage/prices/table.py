"""Prices in memory: which row holds for a model at a provider, and what a usage costs by it. Exact, never rounded.

Prices are per million tokens with at most four decimals, so a cost has at most ten: it is counted in whole
1e-10 units and fits the database's column as it is.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from decimal import Decimal
from fnmatch import fnmatchcase

from providers.dialects.types import Usage

DECIMALS = 4
_REMEMBERED = 4096


@dataclass(frozen=True, slots=True)
class Price:
    """One row. Prices in `currency` per million tokens; None = no price of its own."""

    model: str  # a name, or a pattern such as `claude-*`
    input: Decimal
    output: Decimal
    provider: str = ""  # "" = any
    cache_read: Decimal | None = None  # else as input
    cache_write_5m: Decimal | None = None  # else as input
    cache_write_1h: Decimal | None = None  # else as cache_write_5m
    currency: str = "USD"
    max_output: int | None = None
    rates: tuple[int, int, int, int, int] = field(init=False, repr=False, compare=False)
    """Input, cache read, cache write 5 m and 1 h, output; in 1e-10 per token."""

    def __post_init__(self) -> None:
        five = self.input if self.cache_write_5m is None else self.cache_write_5m
        hour = five if self.cache_write_1h is None else self.cache_write_1h
        read = self.input if self.cache_read is None else self.cache_read
        whole = [int(price.scaleb(DECIMALS)) for price in (self.input, read, five, hour, self.output)]
        object.__setattr__(self, "rates", tuple(whole))


@dataclass(frozen=True, slots=True)
class Cost:
    """Money, exact."""

    amount: Decimal
    currency: str


class PriceTable:
    """An immutable set of rows. A named provider beats any, an exact name beats a pattern, the longer pattern wins."""

    def __init__(self, rows: Iterable[Price]) -> None:
        self._exact: dict[tuple[str, str], Price] = {}
        patterns: list[Price] = []
        for row in rows:
            if any(letter in row.model for letter in "*?["):
                patterns.append(row)
            else:
                self._exact[row.model, row.provider] = row
        self._patterns = sorted(patterns, key=lambda row: (row.provider == "", -len(row.model), row.model))
        self._found: dict[tuple[str, str], Price | None] = {}

    def find(self, model: str, provider: str = "") -> Price | None:
        """The row that holds for this model there."""
        key = model, provider
        try:
            return self._found[key]
        except KeyError:
            price = self._search(model, provider)
            if len(self._found) < _REMEMBERED:  # callers choose the names
                self._found[key] = price
            return price

    def cost(self, usage: Usage, model: str, provider: str = "") -> Cost | None:
        """What the usage costs; None = no price is known."""
        price = self.find(model, provider)
        if price is None:
            return None
        read_rate = price.rates
        units = (
            usage.input_tokens * read_rate[0]
            + usage.cache_read_tokens * read_rate[1]
            + usage.cache_write_5m_tokens * read_rate[2]
            + usage.cache_write_1h_tokens * read_rate[3]
            + usage.output_tokens * read_rate[4]
        )
        return Cost(Decimal(units).scaleb(-10), price.currency)

    def _search(self, model: str, provider: str) -> Price | None:
        for of in (provider, "") if provider else ("",):
            if (exact := self._exact.get((model, of))) is not None:
                return exact
            for row in self._patterns:
                if row.provider == of and fnmatchcase(model, row.model):
                    return row
        return None
