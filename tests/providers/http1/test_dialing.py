"""Ways to an upstream over real sockets: names, more than one address, TLS, egress proxies."""

import asyncio
import datetime
import socket
import ssl
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import httpx
import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from providers.client import ClientOptions, Transport
from providers.http1.dialing import Dialer, Origin
from tests.fakes.proxy import FakeProxy
from tests.fakes.server import Answer, FakeServer


@pytest.fixture
def vendor() -> Iterator[FakeServer]:
    with FakeServer(lambda seen: Answer(200, [], [b"ok"])) as server:
        yield server


@pytest.fixture
async def transport() -> AsyncIterator[Transport]:
    transport = Transport(ClientOptions(connect_timeout_seconds=5.0))
    yield transport
    await transport.aclose()


async def ask(transport: Transport, url: str, proxy: str | None = None) -> bytes:
    request = httpx.Request(
        "POST", url, content=b"x", extensions={"proxy": proxy, "target": b"/v1/a%3Ab?q=1"}
    )
    response = await transport.handle_async_request(request)
    assert isinstance(response.stream, httpx.AsyncByteStream)
    try:
        return b"".join([chunk async for chunk in response.stream])
    finally:
        await response.stream.aclose()


async def test_a_name_is_resolved_once_for_a_while(vendor: FakeServer, transport: Transport) -> None:
    assert await ask(transport, f"http://localhost:{vendor.port}") == b"ok"
    assert vendor.last.get("host") == b"localhost:%d" % vendor.port
    dialer = Dialer()
    first = await dialer.addresses("localhost", vendor.port)
    assert await dialer.addresses("localhost", vendor.port) is first


async def test_an_address_that_refuses_leads_to_the_next(vendor: FakeServer) -> None:
    with FakeServer() as gone:
        dead = gone.port
    dialer = Dialer()
    known = await dialer.addresses("localhost", vendor.port)
    refusing = [(*info[:4], (info[4][0], dead, *info[4][2:])) for info in known]
    dialer.names["localhost", vendor.port] = (float("inf"), [*refusing, *known])
    connection = await dialer.connect(Origin("http", "localhost", vendor.port))
    connection.abort()
    dialer.names["localhost", vendor.port] = (float("inf"), refusing)
    with pytest.raises(OSError):
        await dialer.connect(Origin("http", "localhost", vendor.port))
    assert ("localhost", vendor.port) not in dialer.names, "a name that leads nowhere is asked for again"


async def test_a_name_that_nobody_has(transport: Transport) -> None:
    with pytest.raises(httpx.ConnectError):
        await ask(transport, "http://nobody.invalid")


async def test_nobody_answers_in_time() -> None:
    """Let connections wait at a listener whose queue is full."""
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        listener.listen(0)
        port = listener.getsockname()[1]
        fillers = [socket.socket() for _ in range(4)]
        for filler in fillers:
            filler.setblocking(False)
            filler.connect_ex(("127.0.0.1", port))
        transport = Transport(ClientOptions(connect_timeout_seconds=0.2))
        with pytest.raises(httpx.ConnectTimeout):
            await ask(transport, f"http://127.0.0.1:{port}")
        await transport.aclose()
        for filler in fillers:
            filler.close()


def certificate(directory: Path, name: str) -> tuple[Path, Path]:
    """Return a self-signed certificate for `name`: (certificate, key) as files."""
    key = ec.generate_private_key(ec.SECP256R1())
    subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])
    now = datetime.datetime.now(datetime.UTC)
    made = (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(subject)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - datetime.timedelta(days=1))
        .not_valid_after(now + datetime.timedelta(days=1))
        .add_extension(x509.SubjectAlternativeName([x509.DNSName(name)]), critical=False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        .sign(key, hashes.SHA256())
    )
    paths = directory / "cert.pem", directory / "key.pem"
    paths[0].write_bytes(made.public_bytes(serialization.Encoding.PEM))
    paths[1].write_bytes(
        key.private_bytes(
            serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
        )
    )
    return paths


@pytest.fixture
async def tls(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[int]:
    """Yield the port of a TLS server whose certificate is for `localhost`, trusted through SSL_CERT_FILE."""
    cert, key = certificate(tmp_path, "localhost")
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(cert, key)
    context.set_alpn_protocols(["h2", "http/1.1"])

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        chosen = writer.get_extra_info("ssl_object").selected_alpn_protocol()
        while await reader.readuntil(b"\r\n\r\n"):
            await reader.readexactly(1)
            writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: 8\r\n\r\n" + chosen.encode())

    def quietly(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> asyncio.Task[None]:
        task = asyncio.ensure_future(serve(reader, writer))
        task.add_done_callback(lambda done: done.cancelled() or done.exception())
        return task

    monkeypatch.setenv("SSL_CERT_FILE", str(cert))
    server = await asyncio.start_server(lambda r, w: quietly(r, w) and None, "127.0.0.1", 0, ssl=context)
    yield server.sockets[0].getsockname()[1]
    server.close()


async def test_tls_is_verified_and_speaks_http1(tls: int, transport: Transport) -> None:
    assert await ask(transport, f"https://localhost:{tls}") == b"http/1.1"
    assert await ask(transport, f"https://localhost:{tls}") == b"http/1.1"
    with pytest.raises(httpx.ConnectError):  # the certificate is for a name
        await ask(transport, f"https://127.0.0.1:{tls}")


async def test_tls_that_nobody_vouches_for(
    tls: int, transport: Transport, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("SSL_CERT_FILE")
    with pytest.raises(httpx.ConnectError):
        await ask(transport, f"https://localhost:{tls}")


@pytest.mark.parametrize("scheme", ["http", "socks5", "socks5h"])
async def test_tls_through_a_proxy(tls: int, transport: Transport, scheme: str) -> None:
    with FakeProxy("user", "p@ss") as proxy:
        way = proxy.url(scheme, "user", "p%40ss")
        assert await ask(transport, f"https://localhost:{tls}", way) == b"http/1.1"
        assert await ask(transport, f"https://localhost:{tls}", way) == b"http/1.1"
    word = "CONNECT" if scheme == "http" else "SOCKS"
    assert proxy.asked == [f"{word} localhost:{tls}"], "the second call went over the kept connection"


@pytest.mark.parametrize("scheme", ["http", "socks5"])
async def test_plain_http_through_a_proxy(vendor: FakeServer, transport: Transport, scheme: str) -> None:
    with FakeProxy("user", "secret") as proxy:
        assert await ask(transport, vendor.url, proxy.url(scheme, "user", "secret")) == b"ok"
    assert vendor.last.target == b"/v1/a%3Ab?q=1"
    asked = {"http": f"POST {vendor.url}/v1/a%3Ab?q=1", "socks5": f"SOCKS 127.0.0.1:{vendor.port}"}
    assert proxy.asked == [asked[scheme]]


async def test_a_connection_of_one_proxy_is_not_another_s(vendor: FakeServer, transport: Transport) -> None:
    with FakeProxy() as one, FakeProxy() as other:
        await ask(transport, vendor.url, one.url("socks5"))
        await ask(transport, vendor.url, other.url("socks5"))
        await ask(transport, vendor.url)
    assert (len(one.asked), len(other.asked), vendor.accepted) == (1, 1, 3)


@pytest.mark.parametrize(("scheme", "status"), [("http", 200), ("http", 503), ("socks5", 200)])
async def test_a_proxy_that_refuses_is_a_connect_error_without_its_password(
    tls: int, transport: Transport, scheme: str, status: int
) -> None:
    with FakeProxy("user", "right", status) as proxy:
        password = "wrong" if status == 200 else "right"
        with pytest.raises(httpx.ConnectError) as raised:
            await ask(transport, f"https://localhost:{tls}", proxy.url(scheme, "user", password))
    assert password not in str(raised.value)


async def test_a_proxy_that_is_not_there(vendor: FakeServer, transport: Transport) -> None:
    with FakeProxy() as gone:
        url = gone.url("http")
    # its loop has ended; nobody accepts at that port any more
    with pytest.raises((httpx.ConnectError, httpx.ConnectTimeout, httpx.ReadError)):
        await ask(transport, vendor.url, url)
