"""The table of pairs: which translator carries a surface's dialect over an upstream's."""

from __future__ import annotations

from collections.abc import Callable

from providers.dialects.types import MakeId, Sealer, Translator
from providers.translation.chat_over_messages import ChatOverMessages
from providers.translation.passthrough import Passthrough
from providers.translation.responses_over_messages import ResponsesOverMessages

_Make = Callable[[MakeId, float, Sealer], Translator]

PAIRS: dict[tuple[str, str], _Make] = {
    ("anthropic", "anthropic"): lambda ids, now, sealer: Passthrough(),
    ("openai_chat", "anthropic"): ChatOverMessages,
    ("openai_responses", "anthropic"): ResponsesOverMessages,
}
"""By (surface's dialect, upstream's dialect)."""


def translator(
    surface_dialect: str, upstream_dialect: str, ids: MakeId, now: float, sealer: Sealer
) -> Translator:
    """A fresh translator for one exchange. `now` in Unix seconds. Raises `KeyError` for a pair not in the table."""
    return PAIRS[surface_dialect, upstream_dialect](ids, now, sealer)
