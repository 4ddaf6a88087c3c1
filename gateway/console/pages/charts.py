"""Draw bars as SVG, by attributes alone: the policy of our pages lets no style stand in them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from decimal import Decimal

WIDTH, HEIGHT = 600.0, 120.0
WIDEST = 72.0
"""Of a bar: a single day is no wall."""


@dataclass(frozen=True, slots=True)
class Bar:
    """One bar: where it stands, and what it says when one points at it."""

    x: str
    y: str
    width: str
    height: str
    title: str
    url: str


def bars(values: Sequence[tuple[str, Decimal, str]], highest: Decimal | None = None) -> list[Bar]:
    """Return bars for (title, value, address), scaled to `highest`, by itself to that of the values."""
    if highest is None:
        highest = max((value for _, value, _ in values), default=Decimal(0))
    step = WIDTH / max(1, len(values))
    width = min(step * 0.8, WIDEST)
    found = []
    for place, (title, value, url) in enumerate(values):
        height = float(value / highest) * HEIGHT if highest else 0.0
        height = max(height, 1.0) if value else 0.0
        found.append(
            Bar(
                f"{place * step + (step - width) / 2:.2f}",
                f"{HEIGHT - height:.2f}",
                f"{width:.2f}",
                f"{height:.2f}",
                title,
                url,
            )
        )
    return found
