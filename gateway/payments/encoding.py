"""Encode and decode the scheme's texts: base64url without padding, and canonical JSON. Pure."""

from __future__ import annotations

import base64
import binascii
import re
from collections.abc import Mapping
from typing import Any

import orjson

_ALPHABET = re.compile(r"[A-Za-z0-9_-]*")


def encode(data: bytes) -> str:
    """Return base64url without padding."""
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()


def decode(text: str) -> bytes:
    """Decode base64url strictly. Raises ValueError for padding, other letters, and bits that are left over."""
    if not _ALPHABET.fullmatch(text):
        raise ValueError("not base64url without padding")
    try:
        data = base64.urlsafe_b64decode(text + "=" * (-len(text) % 4))
    except binascii.Error as exc:
        raise ValueError("not base64url without padding") from exc
    if encode(data) != text:  # two texts for the same bytes would be two credentials
        raise ValueError("not base64url without padding")
    return data


def canonical(value: Mapping[str, Any]) -> bytes:
    """Return canonical JSON (RFC 8785) of strings, lists and objects of them; names are ASCII."""
    return orjson.dumps(value, option=orjson.OPT_SORT_KEYS)


def encode_object(value: Mapping[str, Any]) -> str:
    """Return the canonical JSON of an object, as base64url."""
    return encode(canonical(value))


def decode_object(text: str) -> dict[str, Any]:
    """Return the JSON object that base64url text holds. Raises ValueError."""
    value = orjson.loads(decode(text))  # its error is a ValueError
    if not isinstance(value, dict):
        raise ValueError("not a JSON object")
    return value
