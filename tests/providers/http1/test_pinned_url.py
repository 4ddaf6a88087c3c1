"""What a URL leads to is worked out once, as httpx would."""

from __future__ import annotations

import httpx
import pytest

from providers.http1.dialing import Origin
from providers.http1.pinned_url import Address, PinnedUrl


@pytest.mark.parametrize(
    ("text", "address"),
    [
        ("https://api.example/v1", Address("https", "api.example", 443, b"api.example")),
        ("http://127.0.0.1:81", Address("http", "127.0.0.1", 81, b"127.0.0.1:81")),
        ("https://bücher.example", Address("https", "xn--bcher-kva.example", 443, b"xn--bcher-kva.example")),
        ("http://[::1]:8080/x", Address("http", "::1", 8080, b"[::1]:8080")),
    ],
)
def test_it_knows_where_it_leads(text: str, address: Address) -> None:
    url = PinnedUrl(httpx.URL(text))
    assert url.address == address
    assert url.origin == Origin(*address[:3])
    assert url.netloc == httpx.URL(text).netloc
    assert url == httpx.URL(text)


@pytest.mark.parametrize("text", ["ftp://a.example", "/v1", "https:///v1"])
def test_what_cannot_be_called_is_refused(text: str) -> None:
    with pytest.raises(httpx.UnsupportedProtocol):
        PinnedUrl(httpx.URL(text))
