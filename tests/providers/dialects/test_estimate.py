from __future__ import annotations

import base64
import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from providers.dialects import estimate
from providers.dialects.estimate import TOKENS_PER_IMAGE, input_tokens, writes_cache
from providers.dialects.toplevel import DECISIVE, repeated

PICTURE = base64.b64encode(bytes(range(256)) * 40).decode()


def source(**more: str) -> dict[str, str]:
    return {"type": "base64", "media_type": "image/png", "data": PICTURE, **more}


ANTHROPIC = {"type": "image", "source": source()}
DATA_FIRST = {"source": {"data": PICTURE, "media_type": "image/png", "type": "base64"}, "type": "image"}
DOCUMENT = {"type": "document", "source": source(media_type="application/pdf")}
CHAT = {"type": "image_url", "image_url": {"url": f"data:image/png;base64,{PICTURE}"}}
RESPONSES = {"type": "input_image", "image_url": f"data:image/png;base64,{PICTURE}"}


@pytest.mark.parametrize("block", [ANTHROPIC, DATA_FIRST, DOCUMENT, CHAT, RESPONSES])
@pytest.mark.parametrize("count", [1, 2, 3])
def test_base64_does_not_count_as_text_and_an_image_costs_1600(block: object, count: int) -> None:
    body = json.dumps({"messages": [{"role": "user", "content": [block] * count}]}).encode()
    rest = len(body) - count * len(PICTURE)
    assert input_tokens(body) == -(-rest // 4) + TOKENS_PER_IMAGE * count


@pytest.mark.parametrize(
    "block",
    [
        {"type": "image", "source": {"type": "url", "url": "https://x/y.png"}},
        {"type": "image_url", "image_url": {"url": "https://x/y.png"}},
        {"type": "input_image", "image_url": "https://x/y.png"},
    ],
)
def test_an_image_by_reference_costs_the_same(block: object) -> None:
    body = json.dumps({"content": [block, block]}).encode()
    assert input_tokens(body) == -(-len(body) // 4) + 2 * TOKENS_PER_IMAGE


def test_text_about_images_is_text() -> None:
    body = json.dumps({"content": 'write {"type":"image","source":{"type":"base64"}} please'}).encode()
    assert input_tokens(body) == -(-len(body) // 4)


@pytest.mark.parametrize(
    "body", [b"", b'"base64"', b'{"type":"base64","data":"x', b";base64,abc", b'{"base64":"data"}']
)
def test_broken_bodies_are_estimated_too(body: bytes) -> None:
    assert input_tokens(body) >= 0


def test_what_asks_for_cache_writes() -> None:
    assert writes_cache(b'{"cache_control":{"type":"ephemeral"}}') == (True, False)
    assert writes_cache(b'{"cache_control":{"ttl":"1h"}}') == (True, True)
    assert writes_cache(b'{"1h":1}') == (False, False)


def large(text: str, *blocks: dict) -> bytes:
    content = [{"type": "text", "text": text}, *blocks]
    return json.dumps({"model": "m", "messages": [{"role": "user", "content": content}]}).encode()


WORDS = 'the quick brown fox, "quoted", jumps over the lazy dog\n' * 2000


def test_a_rough_look_at_a_large_text_is_its_size() -> None:
    body = large(WORDS)
    assert len(body) > estimate.SMALL_BYTES
    assert estimate.input_tokens(body, is_rough=True) == estimate.input_tokens(body) == -(-len(body) // 4)
    assert estimate.writes_cache(body, is_rough=True) == (False, False)


def test_a_rough_look_sees_pictures_that_are_large_and_marks_at_the_edges() -> None:
    data = base64.b64encode(bytes(range(256)) * 400).decode()
    picture = {"type": "image", "source": {"type": "base64", "media_type": "image/png", "data": data}}
    body = large(WORDS, picture)
    assert estimate.input_tokens(body, is_rough=True) == estimate.input_tokens(body) < len(body) // 4
    marked = large(WORDS, {"type": "text", "text": "x", "cache_control": {"type": "ephemeral", "ttl": "1h"}})
    assert estimate.writes_cache(marked, is_rough=True) == (True, True)


def test_a_small_body_is_always_searched_whole() -> None:
    picture = {"type": "image", "source": {"type": "url", "url": "https://x.test/a.png"}}
    body = large("hi", picture)
    assert estimate.input_tokens(body, is_rough=True) == estimate.input_tokens(body) > 1600


KEYS = estimate.Keys(DECISIVE)
PIECES = (
    b'"model":"m"', b'"max_tokens":1', b'"stream":true', b'"x":"image"', b'"type":"image"', b'"image_url":{}',
    b'"type":"base64"', b'"cache_control":{}', b'"ttl":"1h"', b'"t":"a;base64,b"', b'"t":"mod\\u0065l"',
    b'"mod\\u0065l":1', b'"messages":[{"content":"some text; with \\n marks"}]', b'"input_image":1', b'"images":2',
)  # fmt: skip


@given(st.lists(st.sampled_from(PIECES), max_size=6))
def test_what_is_plain_needs_no_closer_look(pieces: list[bytes]) -> None:
    body = b"{" + b",".join(pieces) + b"}"
    if estimate.is_plain(body, KEYS):
        assert input_tokens(body) == -(-len(body) // 4)
        assert writes_cache(body) == (False, False) and repeated(body) is None


def test_small_calls_are_plain_and_large_ones_are_looked_at() -> None:
    assert estimate.is_plain(b'{"model":"m","max_tokens":1,"messages":[{"content":"hi \\"there\\""}]}', KEYS)
    assert not estimate.is_plain(b'{"model":"m","model":"m"}', KEYS)
    assert not estimate.is_plain(b'{"text":"%b"}' % bytes(estimate.PLAIN_BYTES), KEYS)
