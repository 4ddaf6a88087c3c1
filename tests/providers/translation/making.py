"""A translator for one exchange of a test."""

from __future__ import annotations

from providers.dialects.types import MakeId, Sealer, Translator
from providers.translation.pairs.table import PAIRS


def translator(
    surface_dialect: str, upstream_dialect: str, ids: MakeId, now: float, sealer: Sealer
) -> Translator:
    return PAIRS[surface_dialect, upstream_dialect](ids, now, sealer)
