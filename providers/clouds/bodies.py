"""Write a messages call in the clouds' forms: model and version out of the body, betas into it. Pure."""

from __future__ import annotations

import base64
import re
from functools import lru_cache
from urllib.parse import quote

import msgspec
import orjson

from providers.dialects import envelopes
from providers.dialects.envelopes import COUNT_TOKENS, Fields, RawObject
from providers.dialects.mending import UNREADABLE
from providers.dialects.toplevel import EARLY_MODEL
from providers.dialects.types import Headers, WireRequest

API_VERSION = b"2023-06-01"
BEDROCK_VERSION, VERTEX_VERSION = b'"bedrock-2023-05-31"', b'"vertex-2023-10-16"'
_STREAM_FIRST = re.compile(rb'\{\s*+("stream"\s*+:\s*+true\s*+,)')
_STREAM_LAST = re.compile(rb'(,\s*+"stream"\s*+:\s*+true\s*+\}\s*+)\Z')
LAST_BYTES = 64
"""At the end of a body, among which its last member is looked for."""
INVOKE_TOKENS = 1024
"""Of a count on Bedrock, whose body must name a limit that plays no part in it."""


ABSENT = msgspec.Raw()


class _Top(msgspec.Struct, gc=False):
    """What of a body's top level is changed here."""

    model: msgspec.Raw = ABSENT
    stream: msgspec.Raw = ABSENT
    anthropic_version: msgspec.Raw = ABSENT
    anthropic_beta: msgspec.Raw = ABSENT


_read_top = msgspec.json.Decoder(_Top).decode


def invoke(request: WireRequest, model_id: str) -> WireRequest:
    """Return the call as InvokeModel, or CountTokens, takes it. Raises `Refused` for a body that is no object."""
    place, quoted = _place(b"/model", model_id, ":;")  # as the vendor's own client does
    version, betas, headers = _lifted(request.headers)
    is_count, body = request.path == COUNT_TOKENS, request.body
    found = None if is_count else _known(request, quoted) or _places(body)
    if found is not None:
        start, end, stream = found
        told = version + b',"anthropic_beta":' + betas if betas else version
        is_stream = stream is not None
        if stream is None:
            body = b'%b"anthropic_version":%b%b' % (body[:start], told, body[end:])
        elif stream[0] < start:
            body = b'{%b"anthropic_version":%b%b' % (body[stream[1] : start], told, body[end:])
        else:
            body = b'%b"anthropic_version":%b%b}' % (body[:start], told, body[end : stream[0]])
    else:
        fields = envelopes.read_object(body)
        is_stream = bytes(fields.pop("stream", b"")) == b"true"
        fields.pop("model", None)
        added = {"anthropic_version": version, **({"anthropic_beta": betas} if betas else {})}
        if is_count:
            body = _count(_countable(fields), added)
            return WireRequest(request.method, place + b"/count-tokens", b"", headers, body)
        body = envelopes.write_object({**fields, **added})
    verb = b"/invoke-with-response-stream" if is_stream else b"/invoke"
    return WireRequest(request.method, place + verb, b"", headers, body)


def raw_predict(request: WireRequest, model_id: str, parent: bytes) -> WireRequest:
    """Return the call as Vertex takes it, below `parent`, the publisher's models. Raises `Refused`."""
    place, quoted = _place(parent, model_id, "@:")
    headers, body = request.headers, request.body  # the version's header is left out by the driver
    version = _version(headers, VERTEX_VERSION)
    is_count = request.path == COUNT_TOKENS
    if not is_count and (model := _known_model(request, quoted)) is not None:  # as nearly all come
        is_stream = request.fields.stream  # type: ignore[union-attr]  # what is known of its model stands there
        body = b"".join((body[: model.start(1)], b'"anthropic_version":', version, body[model.end() :]))
    elif not is_count and (found := _places(body)) is not None:
        start, end, stream = found
        is_stream = stream is not None
        body = b'%b"anthropic_version":%b%b' % (body[:start], version, body[end:])
    else:
        fields = envelopes.read_object(body)
        if is_count:
            body = envelopes.write_object({**fields, "anthropic_version": version})
            return WireRequest(request.method, parent + b"/count-tokens:rawPredict", b"", headers, body)
        fields.pop("model", None)
        is_stream = bytes(fields.get("stream", b"")) == b"true"
        body = envelopes.write_object({**fields, "anthropic_version": version})
    verb = b":streamRawPredict" if is_stream else b":rawPredict"
    return WireRequest(request.method, place + verb, b"", headers, body)


@lru_cache(maxsize=1024)
def _place(parent: bytes, model_id: str, safe: str) -> tuple[bytes, bytes]:
    """Return the path of a model below that of its kind, and its name as JSON.

    Raises `Refused` for a name that would lead elsewhere.
    """
    if model_id in (".", ".."):
        raise envelopes.invalid("model: this is no model's name", "model")
    return parent + b"/" + quote(model_id, safe=safe).encode(), orjson.dumps(model_id)


def _known_model(request: WireRequest, quoted: bytes) -> re.Match[bytes] | None:
    """Find the member `model` of a body that has been read: with no version or betas of its own it is not read again.

    None where that takes a closer look. `quoted`: the name that must stand there.
    """
    fields = request.fields
    if fields is None or fields.rare != ():
        return None
    model = EARLY_MODEL.match(request.body)
    return None if model is None or model[2] != quoted else model


def _known(request: WireRequest, quoted: bytes) -> tuple[int, int, tuple[int, int] | None] | None:
    """Return what `_places` returns, of a body that has been read."""
    model, body = _known_model(request, quoted), request.body
    if model is None:
        return None
    if request.fields.stream:  # type: ignore[union-attr]
        stream = _stream_in(body, model.end())
        return None if stream is None else (model.start(1), model.end(), stream)
    if body.rfind(b'"stream"') >= 0 or body.rfind(b"\\u00") >= 0:
        return None
    return model.start(1), model.end(), None


def _stream_in(body: bytes, after: int) -> tuple[int, int] | None:
    """Return where `"stream": true` stands with the comma that parts it, as the first member or the last."""
    stream = _STREAM_FIRST.match(body) or _STREAM_LAST.search(body, max(len(body) - LAST_BYTES, after))
    return None if stream is None else stream.span(stream.lastindex or 0)


def _places(body: bytes) -> tuple[int, int, tuple[int, int] | None] | None:
    """Return where the member `model` stands, and where `"stream": true` does, with what parts it from the others.

    None where that takes a closer look: more than plain values before the model, a stream that is neither the first
    member nor the last, or a version or betas of the caller's own.
    """
    try:
        top = _read_top(body)
    except UNREADABLE:
        return None
    model = EARLY_MODEL.match(body)
    if model is None or top.anthropic_version is not ABSENT or top.anthropic_beta is not ABSENT:
        return None
    if model[2] != bytes(top.model):  # it stands twice
        return None
    if top.stream is ABSENT:
        return model.start(1), model.end(2), None
    stream = _stream_in(body, model.end(2))
    if stream is None or bytes(top.stream) != b"true":
        return None
    return model.start(1), model.end(2), stream


def betas_of(headers: Headers) -> list[str]:
    """Return the betas that a request's headers name, in order, each once."""
    return split_betas(b",".join([value for name, value in headers if name == b"anthropic-beta"]))


def split_betas(line: bytes) -> list[str]:
    """Return the betas of such a header, in order, each once."""
    found = [beta.strip() for beta in line.decode("latin-1").split(",")] if line else []
    return list(dict.fromkeys(beta for beta in found if beta))


@lru_cache(maxsize=1024)
def _as_list(line: bytes) -> bytes:
    """Return the betas of such a header as JSON, nothing for none."""
    betas = split_betas(line)
    return orjson.dumps(betas) if betas else b""


def _lifted(headers: Headers) -> tuple[bytes, bytes, Headers]:
    """Return version and betas for a body of Bedrock's, as JSON, and the headers without them."""
    lines, kept = [], []
    for pair in headers:
        if pair[0] == b"anthropic-beta":
            lines.append(pair[1])
        elif pair[0] != b"anthropic-version":
            kept.append(pair)
    return _version(headers, BEDROCK_VERSION), _as_list(b",".join(lines)), tuple(kept)


def _version(headers: Headers, classic: bytes) -> bytes:
    """Return the version for the body, as JSON: the cloud's own word for the API's first."""
    for name, value in headers:
        if name == b"anthropic-version":
            return classic if value in (b"", API_VERSION) else orjson.dumps(value.decode("latin-1"))
    return classic


def _countable(fields: RawObject) -> dict[str, bytes | object]:
    """Return an invoke body's fields as CountTokens takes them: a limit above the thinking budget, no empty tools."""
    told: dict[str, bytes | object] = dict(fields)
    limit = _number(fields.get("max_tokens"), INVOKE_TOKENS)
    thinking = _value(fields.get("thinking"))
    budget = thinking.get("budget_tokens") if isinstance(thinking, dict) else None
    if isinstance(budget, int) and limit <= budget:
        limit = budget + 1
    told["max_tokens"] = str(limit).encode()
    if _value(fields.get("tools")) == []:
        told.pop("tools")
        told.pop("tool_choice", None)
    return told


def _count(fields: Fields | dict[str, bytes | object], written: Fields) -> bytes:
    body = envelopes.write_object({**fields, **written})  # type: ignore[dict-item]
    return orjson.dumps({"input": {"invokeModel": {"body": base64.b64encode(body).decode()}}})


def _number(raw: object, otherwise: int) -> int:
    value = _value(raw)
    return value if isinstance(value, int) and not isinstance(value, bool) and value > 0 else otherwise


def _value(raw: object) -> object:
    try:
        return None if raw is None else orjson.loads(bytes(raw))  # type: ignore[call-overload]
    except orjson.JSONDecodeError:
        return None
