"""An estimate of a Messages call's input tokens, for upstreams that don't count.

Pure. Text is weighed by what its bytes are (starts of words, digits, punctuation, scripts). The weights were
fitted to OpenAI's o200k encoding over prose, code, JSON, logs and twenty languages: within 15 % for 94 of 100
samples, 20 % for all. Twenty passes in C over the bytes take the place of a tokenizer, so a megabyte costs
milliseconds. Images count by their size (width x height / 750, after the vendor's own downscaling), documents
by their pages.
"""

from __future__ import annotations

import base64
import binascii
import re
import struct
from collections.abc import Iterator
from typing import Any

import orjson

from providers.dialects.openai_responses import counted
from providers.dialects.types import WireAnswer
from providers.translation.common.openai_upstream import JSON_TYPE, read_object, refuse
from providers.translation.messages.input import without_attribution

PER_MESSAGE = 4
PER_TOOL = 8
TOOLS_PREAMBLE = 40
PER_IMAGE = 1600
"""Tokens of an image whose size can't be read: a URL, a stored file."""
PER_PAGE = 2000
BYTES_PER_PAGE = 60_000
MAX_EDGE = 1568
PIXELS_PER_TOKEN = 750
HEADER_CHARACTERS = 65536
"""Length of the base64 in which an image's size is looked for: a JPEG may carry much before it."""

Block = dict[str, Any]


def estimate_answer(body: bytes) -> WireAnswer:
    """Return the answer of `count_tokens`.

    Raises `Refused` for a body without messages.
    """
    parsed = read_object(body)
    if not isinstance(parsed.get("messages"), list) or not parsed["messages"]:
        raise refuse("messages: at least one message is required", "messages")
    headers = (JSON_TYPE, (b"x-token-count", b"estimated"))
    return WireAnswer(200, headers, orjson.dumps({"input_tokens": estimate(parsed)}))


def estimate_input_tokens(body: bytes) -> WireAnswer:
    """Return the answer of Responses' `input_tokens`. Raises `Refused` for a body that is no object."""
    read_object(body)
    headers = (JSON_TYPE, (b"x-token-count", b"estimated"))
    return WireAnswer(200, headers, counted(estimate_of_bytes(body)))


def estimate(body: Block) -> int:
    """Return the input tokens of a Messages body: system, tools, messages.

    Never 0.
    """
    texts: list[str] = []
    tokens = sum(_count(body.get("system"), texts))
    texts = [without_attribution(text) for text in texts]
    messages = body.get("messages")
    for message in messages if isinstance(messages, list) else ():
        if isinstance(message, dict):
            tokens += PER_MESSAGE + sum(_count(message.get("content"), texts))
    tools = body.get("tools")
    if isinstance(tools, list) and tools:
        tokens += TOOLS_PREAMBLE + PER_TOOL * len(tools)
        texts.extend(_tool_text(tool) for tool in tools if isinstance(tool, dict))
    return max(1, tokens + text_tokens("\n".join(texts)))


_BASE64 = re.compile(rb"data:[a-z0-9./+-]{0,80};base64,[A-Za-z0-9+/=]*")


def estimate_of_bytes(body: bytes) -> int:
    """Return the input tokens of a body in another dialect, from its bytes.

    JSON counts as text, files at a flat rate.
    """
    text, files = _BASE64.subn(b"", body)
    return max(1, text_tokens(text.decode("utf-8", "replace")) + PER_IMAGE * files)


def _tool_text(tool: Block) -> str:
    kept = {name: tool[name] for name in ("name", "description", "input_schema", "type") if tool.get(name)}
    return orjson.dumps(kept).decode()


def _count(content: object, texts: list[str]) -> Iterator[int]:
    """Collect the texts of a content, and yield the tokens of what is not text."""
    if isinstance(content, str):
        texts.append(content)
    elif isinstance(content, list):
        for block in content:
            if isinstance(block, dict):
                yield from _count_block(block, texts)


def _count_block(block: Block, texts: list[str]) -> Iterator[int]:
    source = block.get("source")
    if block.get("type") == "image":
        yield image_tokens(source)
    elif block.get("type") == "document" and isinstance(source, dict):
        texts.extend(str(block[name]) for name in ("title", "context") if block.get(name))
        if source.get("type") in ("text", "content"):
            yield from _count(source.get("data") or source.get("content"), texts)
        else:
            yield document_tokens(source)
    else:
        texts.extend(str(block[name]) for name in ("text", "thinking", "name", "title") if block.get(name))
        if isinstance(block.get("input"), dict):
            texts.append(orjson.dumps(block["input"]).decode())
        yield from _count(block.get("content"), texts)


# --- text ---------------------------------------------------------------------------------------------


def _classes() -> bytes:
    """Return the class of every byte.

    a lower, A upper, 0 digit, 2 to 5 the first byte of a character, - its others.

    5 are the ideographs, of which each costs most of a token; the other scripts of three bytes come merged.
    """
    table = bytearray(b"." * 256)
    for first, last, kind in (
        ("a", "z", "a"),
        ("A", "Z", "A"),
        ("0", "9", "0"),
        ("\x80", "\xbf", "-"),
        ("\xc0", "\xdf", "2"),
        ("\xe0", "\xef", "3"),
        ("\xe4", "\xe9", "5"),
        ("\xf0", "\xff", "4"),
    ):
        for byte in range(ord(first), ord(last) + 1):
            table[byte] = ord(kind)
    for byte in b" \t\r":
        table[byte] = ord(" ")
    table[ord("\n")] = ord("\n")
    return bytes(table)


_CLASSES = _classes()
_WEIGHTS: tuple[tuple[bytes, float], ...] = (
    (b" a", 0.918),
    (b" A", 0.918),
    (b".a", 1.164),
    (b".A", 1.164),
    (b"\na", 1.164),
    (b"\nA", 1.164),
    (b"aA", 0.644),
    (b"a", 0.03),
    (b"A", 0.079),
    (b"0", 1.232),
    (b"000", -2.599),
    (b".", 0.753),
    (b"..", -1.154),
    (b"\n", 1.718),
    (b"  ", -0.218),
    (b"2", 0.328),
    (b"3", 0.357),
    (b"4", 0.831),
    (b"5", 0.745),
    (b"aaaaaaaa", -0.47),
)
_FEWEST_PER_BYTE = 1 / 8


SAMPLES = 32
SAMPLE_CHARACTERS = 1024


def text_tokens(text: str) -> int:
    """Return the tokens of a text; 0 only for an empty one.

    Of a long one only samples are weighed.
    """
    if len(text) <= 2 * SAMPLES * SAMPLE_CHARACTERS:
        return _weighed(text)
    step = len(text) // SAMPLES
    sample = "".join(text[at * step : at * step + SAMPLE_CHARACTERS] for at in range(SAMPLES))
    return round(_weighed(sample) * len(text) / len(sample))


def _weighed(text: str) -> int:
    classes = text.encode("utf-8", "replace").translate(_CLASSES)
    if not classes:
        return 0
    weighed = 1.0 + sum(classes.count(pattern) * weight for pattern, weight in _WEIGHTS)
    return max(round(weighed), int(len(classes) * _FEWEST_PER_BYTE), 1)


# --- images and documents -------------------------------------------------------------------------------


def image_tokens(source: object) -> int:
    """Return the tokens of an image, by its size when it lies in the body."""
    if not isinstance(source, dict) or source.get("type") != "base64":
        return PER_IMAGE
    data = source.get("data")
    size = image_size(_decoded(data[:HEADER_CHARACTERS])) if isinstance(data, str) else None
    if size is None or not all(size):
        return PER_IMAGE
    scale = min(1.0, MAX_EDGE / max(size))
    pixels = size[0] * scale * size[1] * scale
    return max(1, min(round(pixels / PIXELS_PER_TOKEN), PER_IMAGE))


def image_size(head: bytes) -> tuple[int, int] | None:
    """Return (width, height) of a PNG, GIF, JPEG or WebP from its first bytes; None when they don't tell."""
    try:
        if head.startswith(b"\x89PNG"):
            width, height = struct.unpack(">II", head[16:24])
        elif head.startswith(b"GIF8"):
            width, height = struct.unpack("<HH", head[6:10])
        elif head.startswith(b"\xff\xd8"):
            return _jpeg_size(head)
        elif head.startswith(b"RIFF") and head[8:12] == b"WEBP":
            return _webp_size(head)
        else:
            return None
    except struct.error:
        return None
    return width, height


_JPEG_FRAMES = frozenset(range(0xC0, 0xD0)) - {0xC4, 0xC8, 0xCC}


def _jpeg_size(head: bytes) -> tuple[int, int] | None:
    at = 2
    while at + 9 <= len(head) and head[at] == 0xFF:
        marker = head[at + 1]
        length = int(struct.unpack(">H", head[at + 2 : at + 4])[0])
        if marker in _JPEG_FRAMES:
            height, width = struct.unpack(">HH", head[at + 5 : at + 9])
            return width, height
        at += 2 + length
    return None


def _webp_size(head: bytes) -> tuple[int, int] | None:
    kind = head[12:16]
    if kind == b"VP8X":
        return 1 + int.from_bytes(head[24:27], "little"), 1 + int.from_bytes(head[27:30], "little")
    if kind == b"VP8L":
        bits = int.from_bytes(head[21:25], "little")
        return 1 + (bits & 0x3FFF), 1 + ((bits >> 14) & 0x3FFF)
    if kind == b"VP8 ":
        width, height = struct.unpack("<HH", head[26:30])
        return width & 0x3FFF, height & 0x3FFF
    return None


def document_tokens(source: Block) -> int:
    """Return the tokens of a document: by its pages, where they can be counted, else by its size."""
    data = source.get("data")
    if not isinstance(data, str):
        return PER_PAGE
    decoded = _decoded(data)
    pages = decoded.count(b"/Type /Page") + decoded.count(b"/Type/Page")
    pages -= decoded.count(b"/Type /Pages") + decoded.count(b"/Type/Pages")
    return PER_PAGE * max(pages, 1 + len(decoded) // BYTES_PER_PAGE if pages < 1 else 1)


def _decoded(data: str) -> bytes:
    try:
        return base64.b64decode(data[: len(data) // 4 * 4])
    except binascii.Error:
        return b""
