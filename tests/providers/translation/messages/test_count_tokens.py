from __future__ import annotations

import base64
import json
import struct
import time
import zlib
from typing import Any

import pytest

from providers.dialects.types import Refused
from providers.translation.messages.count_tokens import (
    PER_IMAGE,
    PER_PAGE,
    estimate,
    estimate_answer,
    estimate_of_bytes,
    image_size,
    image_tokens,
    text_tokens,
)

# Texts with their count in OpenAI's o200k encoding.
PROSE = (
    "The gateway stands between the clients and the accounts that serve them. It reads the few fields that the "
    "road needs, sends the client's own bytes on, and watches the answer go by. When an account is tired, the "
    "next one takes the call, and the client never knows. Every exchange leaves one row behind: who asked, what "
    "was served, how long it took, and what it cost."
)
CODE = '''
def reserve(self, token_id: str, amount: int) -> Reservation:
    """Takes `amount` from what is left, or raises `LimitReached`."""
    with self._lock:
        window = self._windows.setdefault(token_id, Window(limit=self._limit))
        if window.used + amount > window.limit:
            raise LimitReached(token_id, retry_after=window.resets_at - self._clock())
        window.used += amount
        return Reservation(token_id, amount, self._clock() + LEASE_SECONDS)
'''
TOOLS: list[dict[str, Any]] = [
    {
        "name": "read_file",
        "description": "Reads a file from the local filesystem. The path must be absolute, not relative.",
        "input_schema": {
            "type": "object",
            "properties": {
                "file_path": {"type": "string", "description": "The absolute path to the file to read"},
                "offset": {"type": "number", "description": "The line number to start reading from"},
                "limit": {"type": "number", "description": "The number of lines to read"},
            },
            "required": ["file_path"],
            "additionalProperties": False,
        },
    }
]
GERMAN = (
    "Das Tor steht zwischen den Programmen und den Konten, die sie bedienen. Es liest nur die wenigen Felder, "
    "die es für den Weg braucht, und reicht die Bytes unverändert weiter. Jede Anfrage hinterlässt eine Zeile."
)
CHINESE = (
    "网关位于客户端与为其提供服务的账户之间。它只读取所需的少数字段，并原样转发客户端的字节。"
    "每次交换都会留下一行记录。"
)
COUNTS = {PROSE: 80, CODE: 110, json.dumps(TOOLS, separators=(",", ":")): 99, GERMAN: 48, CHINESE: 42}


@pytest.mark.parametrize(
    ("text", "tokens"), COUNTS.items(), ids=["prose", "code", "json", "german", "chinese"]
)
def test_text_is_counted_within_15_percent(text: str, tokens: int) -> None:
    assert text_tokens(text) == pytest.approx(tokens, rel=0.15)


def test_a_long_text_is_sampled_without_losing_accuracy() -> None:
    assert text_tokens(CODE * 2000) == pytest.approx(COUNTS[CODE] * 2000, rel=0.15)


def test_a_run_of_one_letter_is_not_free() -> None:
    assert text_tokens("a" * 4000) >= 400


def png(width: int, height: int) -> str:
    head = struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)
    chunk = struct.pack(">I", len(head)) + b"IHDR" + head + struct.pack(">I", zlib.crc32(b"IHDR" + head))
    return base64.b64encode(b"\x89PNG\r\n\x1a\n" + chunk).decode()


def image(width: int, height: int) -> dict[str, Any]:
    return {
        "type": "image",
        "source": {"type": "base64", "media_type": "image/png", "data": png(width, height)},
    }


def test_system_tools_images_and_messages_all_count() -> None:
    """Add the parts' own counts, with the vendor's rule for images: 1000 x 1000 / 750 = 1333."""
    body = {
        "model": "m",
        "system": [{"type": "text", "text": PROSE}],
        "tools": TOOLS,
        "messages": [
            {"role": "user", "content": [image(1000, 1000), {"type": "text", "text": CODE}]},
            {
                "role": "assistant",
                "content": [{"type": "tool_use", "id": "t", "name": "f", "input": {"a": GERMAN}}],
            },
            {
                "role": "user",
                "content": [
                    {
                        "type": "tool_result",
                        "tool_use_id": "t",
                        "content": [{"type": "text", "text": CHINESE}, image(500, 300)],
                    }
                ],
            },
        ],
    }
    truth = sum(COUNTS.values()) + 1333 + 200
    assert estimate(body) == pytest.approx(truth, rel=0.15)
    without_tools = estimate({**body, "tools": []})
    assert estimate(body) - without_tools >= COUNTS[json.dumps(TOOLS, separators=(",", ":"))] * 0.85


@pytest.mark.parametrize("size", [(200, 200), (1092, 1092), (4000, 3000), (1, 1)])
def test_images_count_by_their_size_after_downscaling(size: tuple[int, int]) -> None:
    expected = {(200, 200): 53, (1092, 1092): 1590, (4000, 3000): PER_IMAGE, (1, 1): 1}[size]
    assert image_tokens(image(*size)["source"]) == pytest.approx(expected, rel=0.15, abs=1)


JPEG = b"\xff\xd8\xff\xe0\x00\x10JFIF\x00\x01\x01\x00\x00\x01\x00\x01\x00\x00\xff\xc0\x00\x11\x08\x01\x2c\x01\x90\x03"


@pytest.mark.parametrize(
    ("head", "size"),
    [
        (b"GIF89a\x40\x01\xf0\x00", (320, 240)),
        (JPEG, (400, 300)),
        (b"RIFF\x00\x00\x00\x00WEBPVP8X\x0a\x00\x00\x00\x00\x00\x00\x00\x3f\x01\x00\xef\x00\x00", (320, 240)),
        (b"RIFF\x00\x00\x00\x00WEBPVP8L\x00\x00\x00\x00\x2f\x3f\xc1\x3b\x00", (320, 240)),
        (b"RIFF\x00\x00\x00\x00WEBPVP8 \x00\x00\x00\x00\x00\x00\x00\x9d\x01\x2a\x40\x01\xf0\x00", (320, 240)),
        (b"\x89PNG\r\n", None),
        (b"no image", None),
    ],
    ids=["gif", "jpeg", "webp-extended", "webp-lossless", "webp-lossy", "cut", "other"],
)
def test_sizes_are_read_from_the_head(head: bytes, size: tuple[int, int] | None) -> None:
    assert image_size(head) == size


def test_what_can_not_be_measured_counts_as_a_full_image() -> None:
    assert image_tokens({"type": "url", "url": "https://example.org/a.png"}) == PER_IMAGE
    assert image_tokens({"type": "base64", "data": "!!!"}) == PER_IMAGE
    assert image_tokens(None) == PER_IMAGE


def test_documents_count_by_pages() -> None:
    pdf = b"%PDF-1.7 << /Type /Pages /Count 3 >>" + b"<< /Type /Page >>" * 3
    source = {"type": "base64", "media_type": "application/pdf", "data": base64.b64encode(pdf).decode()}
    body = {"messages": [{"role": "user", "content": [{"type": "document", "source": source}]}]}
    assert estimate(body) == pytest.approx(3 * PER_PAGE, abs=20)
    plain = {"type": "document", "title": "T", "source": {"type": "text", "data": PROSE}}
    assert estimate({"messages": [{"role": "user", "content": [plain]}]}) == pytest.approx(
        COUNTS[PROSE], rel=0.2
    )


def test_never_zero() -> None:
    assert estimate({"messages": [{"role": "user", "content": ""}]}) >= 1
    assert estimate({}) >= 1


def test_the_answer_says_that_it_is_an_estimate() -> None:
    answer = estimate_answer(json.dumps({"messages": [{"role": "user", "content": PROSE}]}).encode())
    assert answer.status == 200 and (b"x-token-count", b"estimated") in answer.headers
    assert json.loads(answer.body)["input_tokens"] > 50


@pytest.mark.parametrize("body", [b"{}", b"[]", b"nonsense", b'{"messages": []}'])
def test_a_body_without_messages_is_refused(body: bytes) -> None:
    with pytest.raises(Refused):
        estimate_answer(body)


def test_a_megabyte_is_cheap() -> None:
    text = (PROSE + CODE) * 1400
    began = time.process_time()
    text_tokens(text)
    assert time.process_time() - began < 0.1


def test_a_body_of_another_dialect() -> None:
    body = json.dumps({"input": [PROSE, {"image_url": f"data:image/png;base64,{png(9, 9) * 99}"}]}).encode()
    assert estimate_of_bytes(body) == pytest.approx(COUNTS[PROSE] + PER_IMAGE, rel=0.15)
    assert estimate_of_bytes(b"") == 1
