"""Bedrock's form of a messages call and its answer.

Pure. Model and streaming stand in the path, betas in the body. An answer that was not streamed is an ordinary
message. A stream is event-stream frames, each around one event; pings have no frame, so nothing keeps a
silent connection open. Errors are `{"message": …}` with the header `x-amzn-errortype`, in a stream an
exception frame.
"""

from __future__ import annotations

import base64

import msgspec
import orjson
from msgspec.structs import replace

from providers.dialects import envelopes, eventstream
from providers.dialects.anthropic import failure_of, read_error
from providers.dialects.anthropic_messages import ErrorEvent, ErrorFields, event_type, read_event
from providers.dialects.encodings import Decoder, decoder, needed
from providers.dialects.mending import UNREADABLE, tolerant
from providers.dialects.sse import SseReader
from providers.dialects.types import (
    Call,
    Failure,
    FailureKind,
    Headers,
    Refused,
    Target,
    Translator,
    WireAnswer,
    WireRequest,
    header,
)
from providers.dialects.wrapping import Wrapping

STREAM_HEADERS: Headers = (
    (b"content-type", b"application/vnd.amazon.eventstream"),
    (b"x-amzn-bedrock-content-type", b"application/json"),
)
JSON_TYPE = (b"content-type", b"application/json")
PING = b""

_NAMES = {
    FailureKind.INVALID_REQUEST: "ValidationException",
    FailureKind.AUTHENTICATION: "AccessDeniedException",
    FailureKind.BILLING: "ServiceQuotaExceededException",
    FailureKind.PERMISSION: "AccessDeniedException",
    FailureKind.NOT_FOUND: "ResourceNotFoundException",
    FailureKind.METHOD_NOT_ALLOWED: "ValidationException",
    FailureKind.CONFLICT: "ValidationException",
    FailureKind.TOO_LARGE: "ValidationException",
    FailureKind.MEDIA_TYPE: "ValidationException",
    FailureKind.RATE_LIMIT: "ThrottlingException",
    FailureKind.INTERNAL: "InternalServerException",
    FailureKind.UPSTREAM: "ModelErrorException",
    FailureKind.UNAVAILABLE: "ServiceUnavailableException",
    FailureKind.OVERLOADED: "ServiceUnavailableException",
    FailureKind.TIMEOUT: "ModelTimeoutException",
}
_STREAM_NAMES = {
    FailureKind.INVALID_REQUEST: "validationException",
    FailureKind.RATE_LIMIT: "throttlingException",
    FailureKind.UNAVAILABLE: "serviceUnavailableException",
    FailureKind.OVERLOADED: "serviceUnavailableException",
    FailureKind.TIMEOUT: "modelTimeoutException",
    FailureKind.INTERNAL: "internalServerException",
}
_STATUSES = {529: 503, 504: 408}
"""The statuses of an upstream that the dialect does not know."""


def error_headers(failure: Failure) -> Headers:
    """Return the header by which an AWS client tells exceptions apart."""
    return ((b"x-amzn-errortype", _NAMES[failure.kind].encode()),)


def error_body(failure: Failure, request_id: str | None = None) -> bytes:
    """Return `{"message": …}`; the request id travels as a header."""
    return orjson.dumps({"message": failure.message})


def exception(failure: Failure) -> bytes:
    """Return the frame that ends a stream with an error."""
    return eventstream.exception(
        _STREAM_NAMES.get(failure.kind, "modelStreamErrorException"), failure.message
    )


class BedrockEnvelope:
    """Bedrock's envelope around one exchange.

    Paths: `/model/{id}/invoke`, `/invoke-with-response-stream`, `/count-tokens`; also without `/model/{id}`,
    the model then standing in the body.
    """

    def __init__(self) -> None:
        self._is_stream = False
        self._is_count = False

    def unwrap(self, call: Call) -> Call:
        """Return the call as a messages call.

        Raises `Refused` when path or body are not of the dialect.
        """
        rest, _, verb = call.path.rpartition(b"/")
        self._is_stream = verb == b"invoke-with-response-stream"
        self._is_count = verb == b"count-tokens"
        if not self._is_stream and not self._is_count and verb != b"invoke":
            raise Refused(Failure(FailureKind.NOT_FOUND, "the path must end in /invoke or one of its kin"))
        body = _counted_body(call.body) if self._is_count else call.body
        fields = envelopes.read_object(body)
        version = envelopes.lift_version(fields)
        headers = envelopes.lifted_headers(call.headers, version, envelopes.lift_betas(fields))
        fields.pop("stream", None)
        asked = envelopes.text_of(fields.pop("model", None))
        if rest.startswith(b"/model/"):
            asked = rest.removeprefix(b"/model/").decode("latin-1")
        if not asked:
            raise envelopes.invalid("model is required", "model")
        told: dict[str, bytes | msgspec.Raw] = {
            "model": orjson.dumps(envelopes.anthropic_model(asked)),
            **fields,
        }
        if self._is_count:
            told.pop("max_tokens", None)  # every invoke body has it, the count takes none
            return envelopes.messages_call(call, envelopes.COUNT_TOKENS, told, headers, asked)
        if self._is_stream:
            told["stream"] = b"true"
        return envelopes.messages_call(call, envelopes.MESSAGES, told, headers, asked)

    def wrap(self, inner: Translator) -> Translator:
        return BedrockCount(inner) if self._is_count else BedrockTranslator(inner)


def _counted_body(body: bytes) -> bytes:
    """Return the invoke body inside `{"input": {"invokeModel": {"body": <base64>}}}`."""
    try:
        encoded = tolerant(orjson.loads, body)["input"]["invokeModel"]["body"]
        return base64.b64decode(encoded, validate=True)
    except (*UNREADABLE, KeyError, TypeError) as exc:
        raise envelopes.invalid("input.invokeModel.body must be base64", "input.invokeModel.body") from exc


class BedrockTranslator(Wrapping):
    """A messages translator whose answer is put into Bedrock's forms."""

    def __init__(self, inner: Translator) -> None:
        super().__init__(inner)
        self._is_stream = False
        self._reader = SseReader()
        self._decoder: Decoder | None = None
        self._has_ended = False

    def request(self, call: Call, target: Target) -> WireRequest:
        told = self._inner.request(call, target)
        kept = tuple(pair for pair in told.headers if pair[0] != b"accept-encoding")
        return replace(told, headers=(*kept, (b"accept-encoding", b"identity")))

    def response(self, answer: WireAnswer) -> WireAnswer:
        told = self._inner.response(answer)
        if told.status >= 400:
            failure = read_error(told.status, told.headers, told.body)
            kept = tuple(pair for pair in told.headers if pair[0] in (b"retry-after", b"request-id"))
            status = _STATUSES.get(told.status, told.status)
            return WireAnswer(status, (JSON_TYPE, *error_headers(failure), *kept), error_body(failure))
        kind = (header(told.headers, b"content-type") or b"").strip().lower()
        if kind.startswith(b"text/event-stream"):
            self._is_stream = True
            self._decoder = decoder(told.headers)
            dropped = (b"content-type", b"content-encoding", b"content-length")
            kept = tuple(pair for pair in told.headers if pair[0] not in dropped)
            return WireAnswer(told.status, (*STREAM_HEADERS, *kept), self._framed(told.body))
        return told

    def feed(self, chunk: bytes) -> bytes:
        told = self._inner.feed(chunk)
        return self._framed(told) if self._is_stream else told

    def finish(self) -> bytes:
        told = self._inner.finish()
        return self._framed(told) if self._is_stream else told

    def fail(self, failure: Failure) -> bytes:
        self._inner.fail(failure)
        return self._ended(failure)

    def keepalive(self) -> bytes:
        return PING

    def _framed(self, told: bytes) -> bytes:
        out = b""
        try:
            if self._decoder is not None:
                told = needed(self._decoder, told)
            for name, data in self._reader.feed(told):
                out += self._frame(name, data)
        except Refused as exc:
            out += self._ended(exc.failure)
        return out

    def _frame(self, name: bytes, data: bytes) -> bytes:
        kind = name.decode("latin-1") or event_type(data)
        if self._has_ended or kind == "ping":
            return b""
        if kind == "error":
            event = read_event(data)
            return self._ended(failure_of(event.error if isinstance(event, ErrorEvent) else ErrorFields()))
        if kind == "message_stop":
            self._has_ended = True
            return eventstream.chunk(self._with_metrics(data))
        return eventstream.chunk(data)

    def _ended(self, failure: Failure) -> bytes:
        if self._has_ended:
            return b""
        self._has_ended = True
        return exception(failure)

    def _with_metrics(self, data: bytes) -> bytes:
        """Add the token counts to the closing event.

        Latencies are left out, for nothing here has a clock.
        """
        usage = self._inner.usage
        metrics = {"inputTokenCount": usage.input_tokens, "outputTokenCount": usage.output_tokens}
        fields: dict[str, bytes | msgspec.Raw] = {**envelopes.read_object(data)}
        fields["amazon-bedrock-invocationMetrics"] = orjson.dumps(metrics)
        return envelopes.write_object(fields)


class BedrockCount(BedrockTranslator):
    """The translator of a token count, whose answer is `{"inputTokens": n}`."""

    is_transparent = False

    def response(self, answer: WireAnswer) -> WireAnswer:
        told = super().response(answer)
        if told.status >= 400:
            return told
        return WireAnswer(told.status, (JSON_TYPE,), _counted(told.body))


def _counted(body: bytes) -> bytes:
    try:
        count = tolerant(orjson.loads, body)["input_tokens"]
    except (*UNREADABLE, KeyError, TypeError) as exc:
        raise Refused(Failure(FailureKind.UPSTREAM, "the upstream's answer is no token count")) from exc
    return orjson.dumps({"inputTokens": count})
