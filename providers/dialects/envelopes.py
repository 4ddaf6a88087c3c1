"""What the envelopes of Bedrock and Vertex share: lifting fields out of a body without re-encoding it. Pure."""

from __future__ import annotations

import re
from collections.abc import Mapping
from urllib.parse import unquote

import msgspec
import orjson
from msgspec.structs import replace

from providers.dialects.anthropic import VERSION, read_call
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
    """The top level of a body, its values as they stand. Raises `Refused` when it is no JSON object."""
    try:
        return _object_decoder.decode(body)
    except (msgspec.DecodeError, RecursionError) as exc:
        raise invalid("the body must be a JSON object") from exc


def write_object(fields: Fields) -> bytes:
    return (
        b"{"
        + b",".join(b"%b:%b" % (orjson.dumps(name), bytes(value)) for name, value in fields.items())
        + b"}"
    )


def lift_version(fields: RawObject) -> bytes | None:
    """Takes `anthropic_version` out of a body: the value for the header. Vendor dates become the API's first."""
    value = text_of(fields.pop("anthropic_version", None))
    return _OLD_VERSIONS.get(value, value.encode()) if value else None


def lift_betas(fields: RawObject) -> list[str]:
    """Takes `anthropic_beta` out of a body: a list, or one text with commas."""
    raw = fields.pop("anthropic_beta", None)
    value = msgspec.json.decode(raw) if raw is not None else None
    if isinstance(value, str):
        value = value.split(",")
    if value is None:
        return []
    if not isinstance(value, list) or not all(isinstance(each, str) for each in value):
        raise invalid("anthropic_beta must be an array of strings", "anthropic_beta")
    return [each.strip() for each in value if each.strip()]


def lifted_headers(headers: Headers, version: bytes | None, betas: list[str]) -> Headers:
    """The call's headers as a messages call has them: version and betas told here, the vendor's own gone."""
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
    return name in (b"accept", b"content-length") or name.startswith((b"x-amzn-", b"x-amz-", b"x-goog-"))


def messages_call(call: Call, path: bytes, fields: Fields, headers: Headers) -> Call:
    body = write_object(fields)
    return replace(call, path=path, query=b"", headers=headers, body=body, fields=read_call(body))


def anthropic_model(name: str) -> str:
    """The Anthropic id in a Bedrock or Vertex one; a name that holds none comes back as it is.

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
    value = msgspec.json.decode(raw) if raw is not None else None
    return value if isinstance(value, str) else None


def invalid(message: str, param: str | None = None) -> Refused:
    return Refused(Failure(FailureKind.INVALID_REQUEST, message, param=param))
