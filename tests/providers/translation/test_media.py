from __future__ import annotations

import base64
from typing import Any

import pytest

from providers.dialects.types import Refused
from providers.translation.media import document_url_block, file_block, image_block, split_data_url


@pytest.mark.parametrize(
    ("url", "expected"),
    [
        ("data:image/png;base64,AAAA", ("image/png", "AAAA")),
        ("DATA:Image/PNG;charset=x;BASE64,AAAA", ("image/png", "AAAA")),
        ("data:;base64,", ("", "")),
        ("data:text/plain,hello", None),
        ("https://x.example/a.png", None),
        ("data:image/png;base64", None),
    ],
)
def test_data_urls(url: str, expected: Any) -> None:
    assert split_data_url(url) == expected


def test_images() -> None:
    block = image_block("data:image/jpg;base64,AAAA", "p")
    assert block["source"] == {"type": "base64", "media_type": "image/jpeg", "data": "AAAA"}
    assert image_block("https://x.example/a", "p")["source"] == {"type": "url", "url": "https://x.example/a"}


@pytest.mark.parametrize(
    "url",
    [
        None,
        "",
        5,
        "data:image/svg+xml;base64,AA",
        "data:image/png,AA",
        "file:///etc/passwd",
        "ftp://x.example/a",
    ],
)
def test_other_images_are_refused_by_name(url: Any) -> None:
    with pytest.raises(Refused) as refused:
        image_block(url, "messages.0")
    assert refused.value.failure.param == "messages.0"


def test_files() -> None:
    pdf = file_block("data:application/pdf;base64,JVBERi0=", "a.pdf", "p")
    assert pdf == {
        "type": "document",
        "source": {"type": "base64", "media_type": "application/pdf", "data": "JVBERi0="},
        "title": "a.pdf",
    }
    assert file_block("JVBERi0xLjc=", None, "p")["source"]["media_type"] == "application/pdf"
    text = base64.b64encode("grün".encode()).decode()
    assert file_block(f"data:text/markdown;base64,{text}", None, "p")["source"] == {
        "type": "text",
        "media_type": "text/plain",
        "data": "grün",
    }
    assert file_block("data:image/png;base64,AA", "x", "p")["type"] == "image"


@pytest.mark.parametrize(
    "data",
    [
        None,
        5,
        "",
        "plain",
        "data:application/zip;base64,AA",
        "data:text/plain;base64,?",
        "data:text/plain;base64,/w==",
    ],
)
def test_other_files_are_refused(data: Any) -> None:
    with pytest.raises(Refused):
        file_block(data, None, "p")


def test_documents_by_url() -> None:
    assert document_url_block("https://x.example/a.pdf", "a", "p")["title"] == "a"
    with pytest.raises(Refused):
        document_url_block("file:///a", None, "p")
