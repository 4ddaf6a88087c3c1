"""Present a price as JSON: money as decimal strings, without closing zeros."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

from gateway.models import PriceRow
from gateway.usage.prices.services import EXTRAS, PRICES


def price(row: PriceRow) -> dict[str, Any]:
    return {
        "model": row.model,
        "provider": row.provider,
        **{name: _money(getattr(row, name)) for name in (*PRICES, *EXTRAS)},
        "currency": row.currency,
        "max_output": row.max_output,
        "priced_on": row.priced_on,
        "source": row.source,
    }


def _money(amount: Decimal | None) -> str | None:
    return None if amount is None else f"{amount.normalize():f}"
