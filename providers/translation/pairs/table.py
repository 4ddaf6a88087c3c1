"""The table of pairs: the translator that carries a surface's dialect over an upstream's."""

from __future__ import annotations

from collections.abc import Callable

from providers.dialects.types import MakeId, Moment, Sealer, Translator
from providers.translation.pairs.chat_over_messages import ChatOverMessages
from providers.translation.pairs.chat_over_responses import ChatOverResponses
from providers.translation.pairs.compacting import Compacting
from providers.translation.pairs.messages_over_chat import MessagesOverChat
from providers.translation.pairs.messages_over_responses import MessagesOverResponses
from providers.translation.pairs.native_responses import NativeResponses
from providers.translation.pairs.openai_passthrough import ChatPassthrough
from providers.translation.pairs.passthrough import Passthrough
from providers.translation.pairs.responses_over_chat import ResponsesOverChat
from providers.translation.pairs.responses_over_messages import ResponsesOverMessages

Make = Callable[[MakeId, Moment, Sealer], Translator]


def _compacting(make: Make) -> Make:
    return lambda ids, now, sealer: Compacting(make(ids, now, sealer), ids, sealer)


PAIRS: dict[tuple[str, str], Make] = {
    ("anthropic", "anthropic"): Passthrough.make,
    ("anthropic", "openai_chat"): MessagesOverChat,
    ("anthropic", "openai_responses"): MessagesOverResponses,
    ("openai_chat", "anthropic"): ChatOverMessages,
    ("openai_chat", "openai_chat"): ChatPassthrough.make,
    ("openai_chat", "openai_responses"): ChatOverResponses,
    ("openai_responses", "anthropic"): _compacting(ResponsesOverMessages),
    ("openai_responses", "openai_chat"): _compacting(ResponsesOverChat),
    ("openai_responses", "openai_responses"): lambda ids, now, sealer: NativeResponses(ids, sealer),
}
"""By (surface's dialect, upstream's dialect): makes a translator for one exchange."""
