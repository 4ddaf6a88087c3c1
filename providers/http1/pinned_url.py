"""A URL that requests are sent to, with what httpx would work out of it for each of them."""

from __future__ import annotations

from typing import NamedTuple

import httpx

from providers.http1.dialing import Origin

PORTS = {"http": 80, "https": 443}


class Address(NamedTuple):
    """Where a URL leads."""

    scheme: str
    host: str  # a name in its ASCII form
    port: int
    netloc: bytes


def address_of(url: httpx.URL) -> Address:
    """Return where a URL leads. Raises `httpx.UnsupportedProtocol`."""
    if url.scheme not in PORTS or not url.raw_host:
        raise httpx.UnsupportedProtocol("the provider's URL can't be called")
    return Address(url.scheme, url.raw_host.decode("ascii"), url.port or PORTS[url.scheme], url.netloc)


class PinnedUrl(httpx.URL):
    """A URL that knows where it leads: httpx works that out anew each time. Raises `httpx.UnsupportedProtocol`."""

    def __init__(self, url: httpx.URL) -> None:
        super().__init__(url)
        self.address = address_of(url)
        self.origin = Origin(*self.address[:3])  # where no proxy and no addresses are named

    @property
    def netloc(self) -> bytes:
        """Return host and port, as `Host` tells them."""
        return self.address.netloc
