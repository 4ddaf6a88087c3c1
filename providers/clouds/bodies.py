"""Write a messages call in the clouds' forms: model and version out of the body, betas into it. Pure."""

from __future__ import annotations

import base64
from urllib.parse import quote

import orjson

from providers.dialects import envelopes
from providers.dialects.envelopes import COUNT_TOKENS, Fields, RawObject
from providers.dialects.types import Headers, WireRequest

API_VERSION = "2023-06-01"
BEDROCK_VERSION, VERTEX_VERSION = "bedrock-2023-05-31", "vertex-2023-10-16"
INVOKE_TOKENS = 1024
"""Of a count on Bedrock, whose body must name a limit that plays no part in it."""


def invoke(request: WireRequest, model_id: str) -> WireRequest:
    """Return the call as InvokeModel, or CountTokens, takes it. Raises `Refused` for a body that is no object."""
    if model_id in (".", ".."):
        raise envelopes.invalid("model: this is no model's name", "model")
    fields = envelopes.read_object(request.body)
    is_stream = bytes(fields.pop("stream", b"")) == b"true"
    fields.pop("model", None)
    betas = betas_of(request.headers)
    headers = tuple(
        [pair for pair in request.headers if pair[0] not in (b"anthropic-beta", b"anthropic-version")]
    )
    told: dict[str, object] = {"anthropic_version": _version(request.headers, BEDROCK_VERSION)}
    if betas:
        told["anthropic_beta"] = betas
    written = {name: orjson.dumps(value) for name, value in told.items()}
    place = b"/model/" + quote(model_id, safe=":;").encode()  # as the vendor's own client does
    if request.path == COUNT_TOKENS:
        body = _count(_countable(fields), written)
        return WireRequest(request.method, place + b"/count-tokens", b"", headers, body)
    verb = b"/invoke-with-response-stream" if is_stream else b"/invoke"
    return WireRequest(
        request.method, place + verb, b"", headers, envelopes.write_object({**fields, **written})
    )


def raw_predict(request: WireRequest, model_id: str, parent: bytes) -> WireRequest:
    """Return the call as Vertex takes it, below `parent`, the publisher's models. Raises `Refused`."""
    if model_id in (".", ".."):
        raise envelopes.invalid("model: this is no model's name", "model")
    fields = envelopes.read_object(request.body)
    headers = tuple([pair for pair in request.headers if pair[0] != b"anthropic-version"])
    version = {"anthropic_version": orjson.dumps(_version(request.headers, VERTEX_VERSION))}
    if request.path == COUNT_TOKENS:
        body = envelopes.write_object({**fields, **version})
        return WireRequest(request.method, parent + b"/count-tokens:rawPredict", b"", headers, body)
    fields.pop("model", None)
    is_stream = bytes(fields.get("stream", b"")) == b"true"
    name = quote(model_id, safe="@:").encode() + (b":streamRawPredict" if is_stream else b":rawPredict")
    body = envelopes.write_object({**fields, **version})
    return WireRequest(request.method, parent + b"/" + name, b"", headers, body)


def betas_of(headers: Headers) -> list[str]:
    """Return the betas that a request's headers name, in order, each once."""
    lines = [value.decode("latin-1") for name, value in headers if name == b"anthropic-beta"]
    if not lines:
        return []
    found = [beta.strip() for line in lines for beta in line.split(",")]
    return list(dict.fromkeys(beta for beta in found if beta))


def _version(headers: Headers, classic: str) -> str:
    """Return the version for the body: the cloud's own word for the API's first."""
    told = next((value.decode("latin-1") for name, value in headers if name == b"anthropic-version"), "")
    return classic if told in ("", API_VERSION) else told


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
