"""Vertex AI's form of a messages call: model in the path, version in the body.

Pure. Answers and streams are Anthropic's own, errors too.
"""

from __future__ import annotations

import msgspec
import orjson

from providers.dialects import envelopes
from providers.dialects.types import Call, Failure, FailureKind, Refused, Translator

STREAM, WHOLE = b"streamRawPredict", b"rawPredict"
COUNT = b"count-tokens"


class VertexEnvelope:
    """Vertex's envelope around one exchange.

    Paths: `…/models/{model}:rawPredict`, `:streamRawPredict`, `…/count-tokens:rawPredict`.
    """

    def unwrap(self, call: Call) -> Call:
        """Return the call as a messages call.

        Raises `Refused` when path or body are not of the dialect.
        """
        resource, _, verb = call.path.rpartition(b":")
        if verb not in (STREAM, WHOLE):
            raise Refused(
                Failure(FailureKind.NOT_FOUND, "the path must end in :rawPredict or :streamRawPredict")
            )
        *_, before, name = (b"", b"", *resource.split(b"/"))
        fields = envelopes.read_object(call.body)
        version = envelopes.lift_version(fields)
        headers = envelopes.lifted_headers(call.headers, version, envelopes.lift_betas(fields))
        fields.pop("stream", None)
        asked = envelopes.text_of(fields.pop("model", None))
        is_count = name == COUNT
        if is_count:
            # The path is `…/models/count-tokens` or `…/models/{model}/count-tokens`.
            name = asked.encode() if asked else before
        model = envelopes.anthropic_model(name.decode("latin-1"))
        body: dict[str, bytes | msgspec.Raw] = {"model": orjson.dumps(model), **fields}
        if verb == STREAM:
            body["stream"] = b"true"
        path = envelopes.COUNT_TOKENS if is_count else envelopes.MESSAGES
        return envelopes.messages_call(call, path, body, headers, name.decode("latin-1"))

    def wrap(self, inner: Translator) -> Translator:
        return inner
