"""The table of pairs: which translator carries a surface's dialect over an upstream's."""

from __future__ import annotations

from collections.abc import Callable

from providers.dialects.types import MakeId, Sealer, Translator
from providers.translation.chat_over_messages import ChatOverMessages
from providers.translation.chat_over_responses import ChatOverResponses
from providers.translation.messages_over_chat import MessagesOverChat
from providers.translation.messages_over_responses import MessagesOverResponses
from providers.translation.openai_passthrough import ChatPassthrough, ResponsesPassthrough
from providers.translation.passthrough import Passthrough
from providers.translation.responses_over_chat import ResponsesOverChat
from providers.translation.responses_over_messages import ResponsesOverMessages

_Make = Callable[[MakeId, float, Sealer], Translator]

PAIRS: dict[tuple[str, str], _Make] = {
    ("anthropic", "anthropic"): lambda ids, now, sealer: Passthrough(),
    ("anthropic", "openai_chat"): MessagesOverChat,
    ("anthropic", "openai_responses"): MessagesOverResponses,
    ("openai_chat", "anthropic"): ChatOverMessages,
    ("openai_chat", "openai_chat"): lambda ids, now, sealer: ChatPassthrough(),
    ("openai_chat", "openai_responses"): ChatOverResponses,
    ("openai_responses", "anthropic"): ResponsesOverMessages,
    ("openai_responses", "openai_chat"): ResponsesOverChat,
    ("openai_responses", "openai_responses"): lambda ids, now, sealer: ResponsesPassthrough(),
}
"""By (surface's dialect, upstream's dialect)."""


def translator(
    surface_dialect: str, upstream_dialect: str, ids: MakeId, now: float, sealer: Sealer
) -> Translator:
    """A fresh translator for one exchange. `now` in Unix seconds. Raises `KeyError` for a pair not in the table."""
    return PAIRS[surface_dialect, upstream_dialect](ids, now, sealer)
