"""What both pairs that serve Messages callers over an OpenAI dialect have in common. Pure."""

from __future__ import annotations

from typing import Any

from providers.dialects import anthropic
from providers.dialects.types import Failure, MakeId, Sealer, Target
from providers.translation import messages_input as read
from providers.translation.messages_writer import (
    MessageHead,
    MessagesWriter,
    Thinking,
    in_anthropics_words,
    thinking_of,
    whole_message,
)
from providers.translation.openai_models import base_name
from providers.translation.openai_upstream import OpenAiUpstream
from providers.translation.parts import PartList, Reader, Sink
from providers.translation.tool_names import ToolNames


class MessagesSurface(OpenAiUpstream):
    """Knows how a message is written; a pair adds the rest of the request, and the reader."""

    def __init__(self, ids: MakeId, now: float, sealer: Sealer) -> None:
        super().__init__(ids, now, sealer)
        self._names = ToolNames()
        self._call_ids: set[str] = set()
        self._asked_model = ""
        self._context = ""  # what sealed reasoning is bound to
        self._estimated_input_tokens = 0
        self._thinking = Thinking.NONE
        self._stop_sequences: list[str] = []

    def _begin(self, body: dict[str, Any], target: Target, dialect: str) -> str:
        """Keeps what the answer needs of the request, and returns the model to ask for. Raises `Refused`."""
        model = base_name(target.model or str(body.get("model") or ""))
        self._asked_model = str(body.get("model") or model)
        self._context = f"{dialect}:{model}"
        self._names = ToolNames()
        self._thinking = thinking_of(body)
        self._is_stream = body.get("stream") is True
        read.refuse_what_changes_the_result(body)
        return model

    def _head(self) -> MessageHead:
        return MessageHead(
            self._ids("msg_"),
            self._asked_model,
            self._estimated_input_tokens,
            self._names.restore,
            self._thinking,
            self._stop_sequences,
        )

    def _sink(self) -> Sink:
        return MessagesWriter(self._head())

    def _whole(self, parts: PartList, reader: Reader) -> bytes:
        return whole_message(self._head(), parts.parts, reader.outcome())

    def _error_body(self, failure: Failure) -> bytes:
        return anthropic.error_body(in_anthropics_words(failure))
