"""The answer's side of both pairs that serve Messages callers over an OpenAI dialect. Pure."""

from __future__ import annotations

from providers.dialects import anthropic
from providers.dialects.types import Failure, MakeId, Sealer
from providers.translation.messages_writer import (
    MessageHead,
    MessagesWriter,
    Thinking,
    in_anthropics_words,
    whole_message,
)
from providers.translation.openai_upstream import OpenAiUpstream
from providers.translation.parts import PartList, Reader, Sink
from providers.translation.tool_names import ToolNames


class MessagesSurface(OpenAiUpstream):
    """Knows how a message is written; a pair adds the request and the reader."""

    def __init__(self, ids: MakeId, now: float, sealer: Sealer) -> None:
        super().__init__(ids, now, sealer)
        self._names = ToolNames()
        self._call_ids: set[str] = set()
        self._asked_model = ""
        self._estimated_input_tokens = 0
        self._thinking = Thinking.NONE
        self._stop_sequences: list[str] = []

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
