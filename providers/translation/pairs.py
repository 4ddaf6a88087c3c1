"""The table of pairs: which translator carries a surface's dialect over an upstream's."""

from __future__ import annotations

from providers.dialects.types import MakeId, Sealer, Translator
from providers.translation.passthrough import Passthrough


def translator(surface_dialect: str, upstream_dialect: str, ids: MakeId, now: int, sealer: Sealer) -> Translator:
    """A fresh translator for one exchange. Raises `KeyError` for a pair that is not in the table."""
    return {("anthropic", "anthropic"): Passthrough}[(surface_dialect, upstream_dialect)]()
