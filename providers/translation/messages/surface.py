"""The base of both pairs that serve Messages callers over an OpenAI dialect.

Pure.
"""

from __future__ import annotations

from typing import Any

from providers.dialects import anthropic
from providers.dialects.types import Call, Failure, MakeId, Moment, Sealer, Target
from providers.translation.common.openai_models import base_name
from providers.translation.common.openai_upstream import OpenAiUpstream, read_object
from providers.translation.common.parts import PartList, Reader, Sink
from providers.translation.common.tool_names import ToolNames
from providers.translation.messages import input as read
from providers.translation.messages.count_tokens import estimate
from providers.translation.messages.writer import (
    MessageHead,
    MessagesWriter,
    Thinking,
    in_anthropics_words,
    thinking_of,
    whole_message,
)


class MessagesSurface(OpenAiUpstream):
    """Writer of messages; a pair adds the other parts of the request, and the reader."""

    request_id = b"request-id"

    def __init__(self, ids: MakeId, now: Moment, sealer: Sealer) -> None:
        super().__init__(ids, now, sealer)
        self._names = ToolNames()
        self._call_ids: set[str] = set()
        self._asked_model = ""
        self._is_in_thread = False
        self._context = ""  # what sealed reasoning is bound to
        self._body = b""  # from which the input is estimated when something asks
        self._input_estimate: int | None = 0  # tokens; None = nothing has asked yet
        self._thinking = Thinking.NONE
        self._stop_sequences: list[str] = []

    def _begin(self, body: dict[str, Any], target: Target, dialect: str) -> str:
        """Keep what the answer needs of the request, and return the model to ask for.

        Raises `Refused`.
        """
        model = base_name(target.model or str(body.get("model") or ""))
        self._asked_model = str(body.get("model") or model)
        self._context = f"{dialect}:{model}"
        self._names = ToolNames()
        self._thinking = thinking_of(body)
        self._is_stream = body.get("stream") is True
        self._is_in_thread = body.get("thread") is not None
        read.refuse_what_changes_the_result(body)
        return model

    def _keep_for_estimate(self, call: Call, body: dict[str, Any]) -> None:
        """Estimate the input of a stream, whose beginning tells it; of another call only when something asks."""
        self._body, self._input_estimate = (b"", estimate(body)) if self._is_stream else (call.body, None)

    def _estimate(self) -> int:
        """Return the input's estimated tokens."""
        if self._input_estimate is None:
            self._input_estimate = estimate(read_object(self._body))
        return self._input_estimate

    def _head(self) -> MessageHead:
        return MessageHead(
            self._ids("translated_" if self._is_in_thread else "msg_"),  # no thread can go on behind it
            self._asked_model,
            self._estimate,
            self._names.restore,
            self._thinking,
            self._stop_sequences,
        )

    def _sink(self) -> Sink:
        return MessagesWriter(self._head())

    def _whole(self, parts: PartList, reader: Reader) -> bytes:
        return whole_message(self._head(), parts.parts, reader.outcome())

    def _error_body(self, failure: Failure) -> bytes:
        return anthropic.error_body(in_anthropics_words(failure, self._estimate))
