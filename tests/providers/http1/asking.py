"""One call over a transport, and answers word for word."""

import httpx

from providers.client import Transport
from tests.fakes.server import Answer, FakeServer


async def ask(transport: Transport, vendor: FakeServer, method: str = "POST") -> tuple[httpx.Response, bytes]:
    content = b"x" if method == "POST" else None
    response = await transport.handle_async_request(httpx.Request(method, vendor.url, content=content))
    assert isinstance(response.stream, httpx.AsyncByteStream)
    try:
        return response, b"".join([chunk async for chunk in response.stream])
    finally:
        await response.stream.aclose()


def said(raw: bytes, **more: object) -> Answer:
    return Answer(raw_head=raw, framing="none", **more)  # type: ignore[arg-type]
