"""Convert images and documents between data URLs and Anthropic's `source` objects.

Pure. Every function raises `Refused` naming the field for what can't be carried over.
"""

from __future__ import annotations

import base64
import binascii
import re
from typing import Any

from providers.dialects.types import Failure, FailureKind, Refused

_DATA_URL = re.compile(r"data:([^;,]*)((?:;[^;,]*)*),", re.IGNORECASE)
_IMAGE_TYPES = {
    "image/jpeg": "image/jpeg",
    "image/jpg": "image/jpeg",
    "image/png": "image/png",
    "image/gif": "image/gif",
    "image/webp": "image/webp",
}
_PDF = "application/pdf"

Block = dict[str, Any]


def refused(message: str, param: str) -> Refused:
    """Return the refusal of what can't be carried over: 400 naming the field."""
    return Refused(Failure(FailureKind.INVALID_REQUEST, message, param=param))


def split_data_url(url: str) -> tuple[str, str] | None:
    """Return `(media type, base64 text)` of a base64 data URL, None for any other URL.

    Nothing is decoded.
    """
    found = _DATA_URL.match(url)
    if found is None or ";base64" not in found[2].lower():
        return None
    return found[1].lower(), url[found.end() :]


_SIGNS = (
    (b"\x89PNG\r\n\x1a\n", "image/png"),
    (b"\xff\xd8\xff", "image/jpeg"),
    (b"GIF87a", "image/gif"),
    (b"GIF89a", "image/gif"),
    (b"%PDF-", _PDF),
)


def real_type(encoded: str) -> str | None:
    """Return the media type that the first bytes of a base64 text tell; None when they tell none that is known."""
    try:
        head = base64.b64decode(encoded[:32].strip())
    except (binascii.Error, ValueError):
        return None
    if head[:4] == b"RIFF" and head[8:12] == b"WEBP":
        return "image/webp"
    return next((kind for sign, kind in _SIGNS if head.startswith(sign)), None)


def image_block(url: Any, param: str) -> Block:
    """Return an Anthropic image block from an https or data URL."""
    if not isinstance(url, str) or not url:
        raise refused("an image needs a URL", param)
    if url[:5].lower() == "data:":
        parts = split_data_url(url)
        if parts is None:
            raise refused("a data URL must be base64", param)
        media_type = _IMAGE_TYPES.get(real_type(parts[1]) or parts[0])
        if media_type is None:
            raise refused(f"images of type {parts[0] or 'unknown'} are not supported", param)
        return {"type": "image", "source": {"type": "base64", "media_type": media_type, "data": parts[1]}}
    if not url.lower().startswith(("https://", "http://")):
        raise refused("an image URL must be https or a data URL", param)
    return {"type": "image", "source": {"type": "url", "url": url}}


def file_block(data: Any, filename: Any, param: str) -> Block:
    """Return an Anthropic document (or image) block from a file's data URL.

    PDF, text and images only.
    """
    if not isinstance(data, str) or not data:
        raise refused("a file needs its data: ids of stored files are not supported", param)
    parts = split_data_url(data)
    if parts is None and data.startswith("JVBERi"):  # bare base64 of "%PDF"
        parts = (_PDF, data)
    if parts is None:
        raise refused("a file must be a base64 data URL", param)
    media_type, encoded = real_type(parts[1]) or parts[0], parts[1]
    if media_type in _IMAGE_TYPES:
        return image_block(data, param)
    if media_type == _PDF:
        source = {"type": "base64", "media_type": _PDF, "data": encoded}
    elif media_type.startswith("text/") or media_type in ("application/json", "application/xml"):
        source = {"type": "text", "media_type": "text/plain", "data": _decoded(encoded, param)}
    else:
        raise refused(f"files of type {media_type or 'unknown'} are not supported", param)
    return _titled(source, filename)


def document_url_block(url: Any, filename: Any, param: str) -> Block:
    """Return an Anthropic document block for a PDF that the vendor fetches itself."""
    if not isinstance(url, str) or not url.lower().startswith(("https://", "http://")):
        raise refused("a file URL must be https", param)
    return _titled({"type": "url", "url": url}, filename)


def _titled(source: Block, filename: Any) -> Block:
    block: Block = {"type": "document", "source": source}
    if isinstance(filename, str) and filename:
        block["title"] = filename
    return block


def _decoded(encoded: str, param: str) -> str:
    try:
        return base64.b64decode(encoded, validate=True).decode()
    except (binascii.Error, UnicodeDecodeError) as exc:
        raise refused("a text file must be base64 of UTF-8", param) from exc
