"""Lift fields out of a body without re-encoding it, for the envelopes of Bedrock and Vertex.

Pure.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from urllib.parse import unquote

import msgspec
from msgspec.structs import replace

from providers.dialects.anthropic import VERSION, read_call
from providers.dialects.mending import UNREADABLE, tolerant
from providers.dialects.types import Call, Failure, FailureKind, Headers, Refused

RawObject = dict[str, msgspec.Raw]
Fields = Mapping[str, bytes | msgspec.Raw]

MESSAGES = b"/v1/messages"
COUNT_TOKENS = b"/v1/messages/count_tokens"

_object_decoder = msgspec.json.Decoder(RawObject)
_REGION = re.compile(r"(?:us-gov|us|eu|apac|jp|au|ca|sa|global)\.(?=anthropic\.)")
_BEDROCK_VERSION = re.compile(r"-v\d+(?::\d+)?(?::[0-9a-z]+)?$")
_OLD_VERSIONS = {"bedrock-2023-05-31": VERSION, "vertex-2023-10-16": VERSION}


def read_object(body: bytes) -> RawObject:
    """Return the top level of a body, its values as they stand.

    Raises `Refused` when it is no JSON object.
    """
    try:
        return tolerant(_object_decoder.decode, body)
    except UNREADABLE as exc:
        raise invalid("the body must be a JSON object") from exc


def write_object(fields: Fields) -> bytes:
    """Return the object with its values as they stand."""
    raw = msgspec.Raw
    return msgspec.json.encode({name: raw(value) for name, value in fields.items()})


def lift_version(fields: RawObject) -> bytes | None:
    """Take `anthropic_version` out of a body and return the value for the header, None without one.

    Vendor dates become the API's first version.
    """
    value = text_of(fields.pop("anthropic_version", None))
    return _OLD_VERSIONS.get(value) or _in_header(value, "anthropic_version").encode() if value else None


def lift_betas(fields: RawObject) -> list[str]:
    """Take `anthropic_beta` out of a body: a list, or one text with commas.

    Raises `Refused` for another shape.
    """
    raw = fields.pop("anthropic_beta", None)
    value = _value_of(raw)
    if isinstance(value, str):
        value = value.split(",")
    if value is None:
        return []
    if not isinstance(value, list) or not all(isinstance(each, str) for each in value):
        raise invalid("anthropic_beta must be an array of strings", "anthropic_beta")
    return [_in_header(each.strip(), "anthropic_beta") for each in value if each.strip()]


def lifted_headers(headers: Headers, version: bytes | None, betas: list[str]) -> Headers:
    """Return the headers of the messages call: version and betas added, the vendor's own gone."""
    kept = [(name, value) for name, value in headers if not _is_vendors(name)]
    if version is not None:
        kept = [pair for pair in kept if pair[0] != b"anthropic-version"]
        kept.append((b"anthropic-version", version))
    if betas:
        told = [value.decode("latin-1") for name, value in kept if name == b"anthropic-beta"]
        known = {each.strip() for line in told for each in line.split(",")}
        fresh = [each for each in betas if each not in known]
        if fresh:
            kept.append((b"anthropic-beta", ",".join(fresh).encode()))
    return tuple(kept)


def _is_vendors(name: bytes) -> bool:
    if name.startswith(b"x-amzn-bedrock-"):  # a guardrail, a tier: for the cloud, whichever way it is called
        return name in (b"x-amzn-bedrock-accept", b"x-amzn-bedrock-content-type")
    return name in (b"accept", b"content-length") or name.startswith((b"x-amzn-", b"x-amz-", b"x-goog-"))


def messages_call(call: Call, path: bytes, fields: Fields, headers: Headers, asked: str = "") -> Call:
    """Return the call of a surface's caller as a messages call. `asked`: the model as it was written."""
    body = write_object(fields)
    read, name = read_call(body), unquote(asked)
    cloud_id = "" if name in ("", read.model) or name == f"{read.model}[1m]" else name
    return replace(
        call,
        path=path,
        query=b"",
        headers=headers,
        body=body,
        fields=read,
        cloud_id=cloud_id.removesuffix("[1m]"),
    )


def anthropic_model(name: str) -> str:
    """Return the Anthropic id in a Bedrock or Vertex one; a name that holds none comes back as it is.

    `us.anthropic.claude-sonnet-4-5-20250929-v1:0`, an ARN that ends in it, `claude-sonnet-4-5@20250929`.
    """
    name = unquote(name)
    if name.startswith("arn:"):
        name = name.rsplit("/", 1)[-1]
    name = _REGION.sub("", name, count=1) if _REGION.match(name) else name
    if name.startswith("anthropic."):
        name = _BEDROCK_VERSION.sub("", name.removeprefix("anthropic."))
    name = name.removesuffix("@default").removesuffix("@latest").replace("@", "-")
    return name.removesuffix("[1m]")


def text_of(raw: msgspec.Raw | None) -> str | None:
    value = _value_of(raw)
    return value if isinstance(value, str) else None


def _value_of(raw: msgspec.Raw | None) -> object:
    """None for what is not there, and for what can't be read."""
    try:
        return None if raw is None else tolerant(msgspec.json.decode, bytes(raw))
    except UNREADABLE:
        return None


def _in_header(text: str, param: str) -> str:
    """Return the text for a header. Raises `Refused` for what none can hold."""
    if not (text.isascii() and text.isprintable()):
        raise invalid(f"{param} must be of printable ASCII letters", param)
    return text


def invalid(message: str, param: str | None = None) -> Refused:
    return Refused(Failure(FailureKind.INVALID_REQUEST, message, param=param))
