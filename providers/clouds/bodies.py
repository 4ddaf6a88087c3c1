"""Write a messages call in the clouds' forms: model and version out of the body, betas into it. Pure."""

from __future__ import annotations

import base64
from functools import lru_cache
from urllib.parse import quote

import orjson

from providers.dialects import envelopes
from providers.dialects.envelopes import COUNT_TOKENS, Fields, RawObject
from providers.dialects.toplevel import find_model
from providers.dialects.types import Headers, WireRequest

API_VERSION = b"2023-06-01"
BEDROCK_VERSION, VERTEX_VERSION = b'"bedrock-2023-05-31"', b'"vertex-2023-10-16"'
INVOKE_TOKENS = 1024
"""Of a count on Bedrock, whose body must name a limit that plays no part in it."""


def invoke(request: WireRequest, model_id: str) -> WireRequest:
    """Return the call as InvokeModel, or CountTokens, takes it. Raises `Refused` for a body that is no object."""
    if model_id in (".", ".."):
        raise envelopes.invalid("model: this is no model's name", "model")
    betas = betas_of(request.headers)
    headers = tuple(
        [pair for pair in request.headers if pair[0] not in (b"anthropic-beta", b"anthropic-version")]
    )
    version = _version(request.headers, BEDROCK_VERSION)
    place = b"/model/" + _quoted(model_id, ":;")  # as the vendor's own client does
    is_count, is_stream = request.path == COUNT_TOKENS, False
    body = None if is_count or betas or _may_stream(request.body) else _with_version(request.body, version)
    if body is None:
        fields = envelopes.read_object(request.body)
        is_stream = bytes(fields.pop("stream", b"")) == b"true"
        fields.pop("model", None)
        told = {"anthropic_version": version, **({"anthropic_beta": orjson.dumps(betas)} if betas else {})}
        if is_count:
            body = _count(_countable(fields), told)
            return WireRequest(request.method, place + b"/count-tokens", b"", headers, body)
        body = envelopes.write_object({**fields, **told})
    verb = b"/invoke-with-response-stream" if is_stream else b"/invoke"
    return WireRequest(request.method, place + verb, b"", headers, body)


def raw_predict(request: WireRequest, model_id: str, parent: bytes) -> WireRequest:
    """Return the call as Vertex takes it, below `parent`, the publisher's models. Raises `Refused`."""
    if model_id in (".", ".."):
        raise envelopes.invalid("model: this is no model's name", "model")
    headers = request.headers  # the version's is left out by the driver
    version = _version(headers, VERTEX_VERSION)
    is_count, is_stream = request.path == COUNT_TOKENS, False
    body = None if is_count or _may_stream(request.body) else _with_version(request.body, version)
    if body is None:
        fields = envelopes.read_object(request.body)
        if is_count:
            body = envelopes.write_object({**fields, "anthropic_version": version})
            return WireRequest(request.method, parent + b"/count-tokens:rawPredict", b"", headers, body)
        fields.pop("model", None)
        is_stream = bytes(fields.get("stream", b"")) == b"true"
        body = envelopes.write_object({**fields, "anthropic_version": version})
    verb = b":streamRawPredict" if is_stream else b":rawPredict"
    return WireRequest(request.method, parent + b"/" + _quoted(model_id, "@:") + verb, b"", headers, body)


@lru_cache(maxsize=1024)
def _quoted(model_id: str, safe: str) -> bytes:
    return quote(model_id, safe=safe).encode()


def _may_stream(body: bytes) -> bool:
    return body.rfind(b'"stream"') >= 0


def _with_version(body: bytes, version: bytes) -> bytes | None:
    """Return the body with the version in place of its model; None where that takes a closer look.

    A key with escaped letters may be anything, and of a name that stands twice it is not known which is meant.
    """
    last = body.rfind(b'"model"')
    if last < 0 or body.rfind(b'"model"', 0, last) >= 0 or body.rfind(b'"anthropic_') >= 0:
        return None
    if b"\\" in body and body.rfind(b"\\u00") >= 0:
        return None
    span = find_model(body)
    if span is None or span[0] < last:
        return None
    return b'%b"anthropic_version":%b%b' % (body[:last], version, body[span[1] :])


def betas_of(headers: Headers) -> list[str]:
    """Return the betas that a request's headers name, in order, each once."""
    lines = [value.decode("latin-1") for name, value in headers if name == b"anthropic-beta"]
    if not lines:
        return []
    found = [beta.strip() for line in lines for beta in line.split(",")]
    return list(dict.fromkeys(beta for beta in found if beta))


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
