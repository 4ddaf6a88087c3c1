"""Errors of tasks in each surface's form, around whichever translator speaks Chat Completions. Pure."""

from __future__ import annotations

import orjson

from providers.crater import completion
from providers.crater.task import TaskFailed
from providers.dialects.types import Call, Failure, Target, Translator, WireAnswer, WireRequest
from providers.dialects.wrapping import Wrapping
from providers.translation.pairs.messages_over_chat import MessagesOverChat
from providers.translation.pairs.openai_passthrough import ChatPassthrough

MESSAGES_TYPE = "api_error"
DONE = b"data: [DONE]\n\n"


class CraterEnvelope:
    """Wraps the translators of the kind."""

    def wrap(self, inner: Translator) -> Translator:
        """Return a translator whose errors are those of tasks."""
        return CraterTranslator(inner)


class CraterTranslator(Wrapping):
    """One exchange."""

    def __init__(self, inner: Translator) -> None:
        super().__init__(inner)
        self._is_messages = isinstance(inner, MessagesOverChat)

    def request(self, call: Call, target: Target) -> WireRequest:
        return self._inner.request(call, target)

    def response(self, answer: WireAnswer) -> WireAnswer:
        """Return an error as the task told it; Messages has a form of its own."""
        told = self._inner.response(answer)
        if answer.status < 400 or (self._is_messages and answer.status < 500):
            return told
        body = _as_messages(told.body) if self._is_messages else answer.body
        headers = tuple(pair for pair in told.headers if pair[0] != b"content-length")
        return WireAnswer(told.status, headers, body)

    def feed(self, chunk: bytes) -> bytes:
        return self._inner.feed(chunk)

    def finish(self) -> bytes:
        return self._inner.finish()

    def fail(self, failure: Failure) -> bytes:
        """End a stream that has begun as the Rust router does; Responses has its own closing event before that."""
        if self._is_messages:
            body = {"type": "error", "error": {"type": MESSAGES_TYPE, "message": failure.message}}
            return b"event: error\ndata: " + orjson.dumps(body) + b"\n\n"
        frame = b"data: " + completion.error(TaskFailed(502, failure.message)) + b"\n\n" + DONE
        return frame if isinstance(self._inner, ChatPassthrough) else self._inner.fail(failure) + frame

    def keepalive(self) -> bytes:
        return self._inner.keepalive()


def _as_messages(body: bytes) -> bytes:
    """Return an error of Messages with the type that all failures of tasks have."""
    document = orjson.loads(body)
    document["error"]["type"] = MESSAGES_TYPE
    return orjson.dumps(document)
