"""Find the price of a model at a provider, and the cost of a usage by it. In memory, exact, never rounded.

Prices are per million tokens with at most four decimals, so a cost has at most ten: it is counted in whole
1e-10 units and fits the database's column as it is.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from decimal import ROUND_UP, Decimal
from fnmatch import fnmatchcase

import msgspec

from providers.dialects.types import Part, Usage

DECIMALS = 4
UNIT = Decimal("1e-10")
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
    web_search: Decimal = Decimal(10)  # per thousand
    batch_multiple: Decimal = Decimal("0.5")
    fast_multiple: Decimal = Decimal(1)
    region_multiple: Decimal = Decimal("1.1")
    rates: tuple[int, int, int, int, int] = field(init=False, repr=False, compare=False)
    """Input, cache read, cache write 5 m and 1 h, output; in 1e-10 per token."""

    def __post_init__(self) -> None:
        five = self.input if self.cache_write_5m is None else self.cache_write_5m
        hour = five if self.cache_write_1h is None else self.cache_write_1h
        read = self.input if self.cache_read is None else self.cache_read
        whole = [int(price.scaleb(DECIMALS)) for price in (self.input, read, five, hour, self.output)]
        object.__setattr__(self, "rates", tuple(whole))

    def units(self, tokens: Usage | Part, modes: tuple[str, ...] = ()) -> int:
        """Return what the tokens cost, in 1e-10; what is finer is rounded up."""
        plain, read, five, hour, output = self.rates
        units = (
            tokens.input_tokens * plain
            + tokens.cache_read_tokens * read
            + tokens.cache_write_5m_tokens * five
            + tokens.cache_write_1h_tokens * hour
            + tokens.output_tokens * output
        )
        return units if not modes else self.multiplied(units, modes)

    def multiplied(self, units: int, modes: tuple[str, ...]) -> int:
        """Return a cost with what the modes of the call multiply it by."""
        total = Decimal(units)
        for mode in modes:
            total *= getattr(self, f"{mode}_multiple")
        return int(total.to_integral_value(ROUND_UP))

    def searches(self, count: int) -> int:
        """Return what so many web searches cost, in 1e-10."""
        return count * int(self.web_search.scaleb(7))


class Cost(msgspec.Struct, frozen=True):
    """An exact amount of money."""

    amount: Decimal
    currency: str


class PriceTable:
    """An immutable set of rows.

    A named provider beats what holds for calls that stay in a region, and that beats any; there, an exact name beats
    a pattern, and the longer pattern wins.
    """

    def __init__(self, rows: Iterable[Price]) -> None:
        self._exact: dict[tuple[str, str], Price] = {}
        patterns: list[Price] = []
        for row in rows:
            if any(letter in row.model for letter in "*?["):
                patterns.append(row)
            else:
                self._exact[row.model, row.provider] = row
        self._patterns = sorted(patterns, key=lambda row: (-len(row.model), row.model))
        self._found: dict[tuple[str, str, str], Price | None] = {}

    def __len__(self) -> int:
        """Return how many names are remembered, whether or not they have a price."""
        return len(self._found)

    def find(self, model: str, provider: str = "", regional: str = "") -> Price | None:
        """Return the row that holds for this model there. `regional`: see `places`."""
        key = model, provider, regional
        try:
            return self._found[key]
        except KeyError:
            price = self._search(model, (provider, regional, ""))
            if len(self._found) < _REMEMBERED:  # callers choose the names
                self._found[key] = price
            return price

    def ceiling(self, model: str, provider: str = "") -> int | None:
        """Return the most output tokens that the model writes; None = no row says."""
        price = self.find(model, provider)
        return None if price is None else price.max_output

    def cost(self, usage: Usage, model: str, provider: str = "", regional: str = "") -> Cost | None:
        """Return what the usage costs; None = no price is known."""
        price = self.find(model, provider, regional)
        if price is None:
            return None
        units = price.units(usage, usage.modes)
        if usage.web_searches:
            units += price.searches(usage.web_searches)
        for part in usage.parts:
            own = None if part.model is None else self.find(part.model, provider, regional)
            # A model without a price in the same money: as the call's own.
            own = own if own is not None and own.currency == price.currency else price
            units += own.units(part, usage.modes)
        return Cost(UNIT * units, price.currency)

    def _search(self, model: str, owners: tuple[str, ...]) -> Price | None:
        for of in dict.fromkeys(owners):
            if (exact := self._exact.get((model, of))) is not None:
                return exact
            for row in self._patterns:
                if row.provider == of and fnmatchcase(model, row.model):
                    return row
        return None
