"""Turn Bedrock's event-stream frames into server-sent events, frame by frame. Pure."""

from __future__ import annotations

import re
from binascii import a2b_base64

import msgspec
import orjson

from providers.clouds import errors
from providers.clouds.traces import OWN, without_own
from providers.dialects.eventstream import BEGINNINGS, CHUNK_START, Frame, FrameReader, crc32, read_crc
from providers.dialects.mending import UNREADABLE
from providers.dialects.sse import Quiet
from providers.dialects.types import Refused
from providers.words import StreamWords

CUT = "The provider's stream ended early."
_TYPE = re.compile(rb'\s*\{\s*"type"\s*:\s*"([a-z_]+)"')
_DELTA = b'{"type":"content_block_delta"'
_DELTA_BYTES = len(_DELTA)
_LINE_END = re.compile(rb"[\r\n]")


class _Chunk(msgspec.Struct, gc=False):
    event: bytes = msgspec.field(name="bytes")


_decode = msgspec.json.Decoder(_Chunk).decode


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
        if not self._reader.pending:
            length, crc = BEGINNINGS[data[:CHUNK_START]]
            if length == len(data):  # one frame, as it mostly is
                payload = data[CHUNK_START:-4]
                if crc32(payload, crc) == read_crc(data, -4)[0]:
                    return self._chunk(payload)
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
            event = _decode(payload).event
        except UNREADABLE:
            return self._loose(payload)
        if event[:_DELTA_BYTES] == _DELTA and event.rfind(b"error") < 0 and event.rfind(OWN) < 0:
            self._has_begun = True  # nearly all are so
            event = (
                _LINE_END.sub(b" ", event) if 10 in event or 13 in event else event
            )  # as numbers, as in `sse`
            return Quiet(b"event: content_block_delta\ndata: %b\n\n" % event)
        return self._told(event)

    def _loose(self, payload: bytes) -> bytes:
        """Return the event of a chunk whose base64 is not as strict."""
        try:
            event = a2b_base64(orjson.loads(payload)["bytes"])
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
        elif data.rfind(OWN) >= 0:
            data = without_own(orjson.loads(data))
        self._has_begun = True
        event = b"event: %b\ndata: %b\n\n" % (name, _LINE_END.sub(b" ", data))
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
