from __future__ import annotations

import base64
from typing import Any

import pytest

from providers.dialects.types import Refused
from providers.translation.common.media import (
    document_url_block,
    file_block,
    image_block,
    real_type,
    split_data_url,
)
from providers.translation.messages.sources import data_url


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


PNG = "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk"
SIGNED = {
    "image/png": PNG,
    "image/jpeg": "/9j/4AAQSkZJRgABAQAAAQABAAD/2wBD",
    "image/gif": "R0lGODlhAQABAIAAAAAAAP///yH5BAEA",
    "image/webp": "UklGRiQAAABXRUJQVlA4IBgAAAAwAQCd",
}


@pytest.mark.parametrize("label", ["image/jpeg", "image/png", "image/bmp", "application/octet-stream", ""])
@pytest.mark.parametrize("kind", SIGNED)
def test_a_picture_is_what_its_first_bytes_say(kind: str, label: str) -> None:
    url = f"data:{label};base64,{SIGNED[kind]}"
    for block in (image_block(url, "p"), file_block(url, "x.bin", "p")):
        assert block["type"] == "image" and block["source"]["media_type"] == kind
    source = {"type": "base64", "media_type": label, "data": SIGNED[kind]}
    assert data_url(source) == f"data:{kind};base64,{SIGNED[kind]}"


def test_what_its_bytes_do_not_tell_is_what_its_label_says() -> None:
    assert (
        real_type("AAAA") is None
        and real_type("!") is None
        and real_type("JVBERi0xLjQ=") == "application/pdf"
    )
    assert image_block("data:image/png;base64,AAAA", "p")["source"]["media_type"] == "image/png"
