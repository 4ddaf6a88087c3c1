from __future__ import annotations

import pytest

from providers.dialects.types import Refused
from providers.translation.messages import sources


def test_documents_that_are_text() -> None:
    plain = {"title": "T", "context": "C", "source": {"type": "text", "data": "x"}}
    assert sources.plain_document(plain, "w") == [
        {"type": "text", "text": "T\nC"},
        {"type": "text", "text": "x"},
    ]
    nested = {"source": {"type": "content", "content": "x"}}
    assert sources.plain_document(nested, "w") == [{"type": "text", "text": "x"}]
    assert sources.plain_document({"source": {"type": "base64"}}, "w") is None
    with pytest.raises(Refused):
        sources.plain_document({}, "w")


def test_images_from_both_sources() -> None:
    assert sources.image_url({"source": {"type": "url", "url": "https://x"}}, "w") == "https://x"
    encoded = {"source": {"type": "base64", "media_type": "image/png", "data": "AA"}}
    assert sources.image_url(encoded, "w") == "data:image/png;base64,AA"


def test_search_results_are_text() -> None:
    block = {"title": "T", "source": "S", "content": [{"type": "text", "text": "x"}]}
    assert sources.search_result_text(block) == "T\nS\nx"


def test_blocks_that_are_text() -> None:
    assert sources.plain_text({"type": "text", "text": "x"}, "w") == "x"
    assert sources.plain_text({"type": "tool_reference", "tool_name": "f"}, "w") == "[tool f]"
    assert sources.plain_text({"type": "container_upload", "file_id": "f1"}, "w") == "[uploaded file f1]"
    assert sources.plain_text({"type": "fallback"}, "w") == ""
    with pytest.raises(Refused) as refused:
        sources.plain_text({"type": "hologram"}, "messages.0.content.1")
    assert refused.value.failure.param == "messages.0.content.1"
