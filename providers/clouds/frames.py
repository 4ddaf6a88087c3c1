"""Turn Bedrock's event-stream frames into server-sent events, frame by frame. Pure."""

from __future__ import annotations

import re
from binascii import a2b_base64

import msgspec
import orjson

from providers.clouds import errors
from providers.dialects.eventstream import Frame, FrameReader, only_chunk
from providers.dialects.mending import UNREADABLE
from providers.dialects.types import Refused
from providers.words import StreamWords

CUT = "The provider's stream ended early."
_TYPE = re.compile(rb'\s*\{\s*"type"\s*:\s*"([a-z_]+)"')
_DELTA = b'{"type":"content_block_delta"'
_METRICS = b'"amazon-bedrock-invocationMetrics"'


class _Chunk(msgspec.Struct, gc=False):
    event: bytes = msgspec.field(name="bytes")


_decode = msgspec.json.Decoder(_Chunk).decode


def _event_of(payload: bytes) -> bytes:
    """Return the event that a chunk holds. Raises one of `UNREADABLE`, `KeyError` or `TypeError`."""
    try:
        return _decode(payload).event
    except UNREADABLE:  # base64 that is not as strict
        return a2b_base64(orjson.loads(payload)["bytes"])


class Frames:
    """Network bytes in, server-sent events out. After an error there is nothing more."""

    def __init__(self) -> None:
        self._reader = FrameReader()
        self.is_over = False
        self.refusal: tuple[int, str, str] | None = (
            None  # an exception before any event: status, type, sentence
        )
        self.words: tuple[str, str] = ("", "")  # of an exception, for the operator
        self._has_begun = False

    def feed(self, data: bytes) -> bytes:
        """Return the events of the frames that end in this chunk."""
        if self.is_over:
            return b""
        if not self._reader.pending and (payload := only_chunk(data)) is not None:
            try:
                event = _decode(payload).event
            except UNREADABLE:
                return self._chunk(payload)
            if event.startswith(_DELTA) and event.rfind(b"error") < 0 and event.rfind(_METRICS) < 0:
                self._has_begun = True  # nearly all are so
                event = event.replace(b"\n", b" ") if 10 in event else event  # 10: a line feed
                return b"event: content_block_delta\ndata: " + event + b"\n\n"
            return self._told(event)
        try:
            frames = self._reader.feed(data)
        except Refused as exc:
            self.words = ("frame", exc.failure.message)
            return self._ended(errors.API, "The provider's stream is broken.")
        if len(frames) == 1:
            return self._event(frames[0])
        return b"".join([self._event(frame) for frame in frames])

    def finish(self) -> bytes:
        """Return what is to be said when the connection has ended: nothing where the message had."""
        if self.is_over:
            return b""
        self.words = ("frame", CUT)
        return self._ended(errors.API, CUT)

    def _event(self, frame: Frame) -> bytes:
        if self.is_over:
            return b""
        headers = frame.headers
        kind = headers.get(b":message-type")
        if kind == b"event" and headers.get(b":event-type") == b"chunk":
            return self._chunk(frame.payload)
        if kind == b"exception":
            return self._exception(headers.get(b":exception-type", b"").decode("latin-1"), frame.payload)
        if kind == b"error":
            self.words = (
                headers.get(b":error-code", b"").decode("latin-1"),
                headers.get(b":error-message", b"").decode("utf-8", "replace"),
            )
            return self._ended(errors.API, errors.SENTENCES[errors.API])
        return b""

    def _chunk(self, payload: bytes) -> bytes:
        try:
            event = _event_of(payload)
        except (*UNREADABLE, KeyError, TypeError, ValueError):
            return self._broken()
        return self._told(event)

    def _told(self, event: bytes) -> bytes:
        try:
            return self._sent(event)
        except (*UNREADABLE, KeyError, TypeError, ValueError):
            return self._broken()

    def _broken(self) -> bytes:
        self.words = ("frame", "a chunk holds no event")
        return self._ended(errors.API, "The provider's stream is broken.")

    def _sent(self, data: bytes) -> bytes:
        found = _TYPE.match(data)
        name = found[1] if found else str(orjson.loads(data)["type"]).encode()
        if name == b"message_stop":
            self.is_over = True
            data = b'{"type":"message_stop"}'
        elif name == b"error":
            self.is_over = True
            return StreamWords(errors.clean_event)(b"event: error\ndata: " + data + b"\n\n")
        elif data.rfind(_METRICS) >= 0:
            document = orjson.loads(data)
            document.pop("amazon-bedrock-invocationMetrics", None)
            data = orjson.dumps(document)
        self._has_begun = True
        event = b"event: %b\ndata: %b\n\n" % (name, data.replace(b"\n", b" "))
        return StreamWords()(event) if event.rfind(b"error") >= 0 else event

    def _exception(self, name: str, payload: bytes) -> bytes:
        try:
            document = orjson.loads(payload)
        except orjson.JSONDecodeError:
            document = None
        said = document if isinstance(document, dict) else {}
        message = str(said.get("originalMessage") or said.get("message") or "")
        self.words = (name, message)
        status, kind, sentence = errors.of_exception(name, message)
        if not self._has_begun:
            self.refusal = (status, kind, sentence)
        return self._ended(kind, sentence)

    def _ended(self, kind: str, sentence: str) -> bytes:
        self.is_over = True
        return errors.event(kind, sentence)
