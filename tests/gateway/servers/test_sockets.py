"""The listening socket: its address, its options, its inheritance."""

import socket

import pytest

from gateway.servers import sockets
from gateway.servers.errors import ListenError
from gateway.servers.options import ServeOptions
from tests.gateway.servers.conftest import Launch
from tests.gateway.servers.harness import request


@pytest.mark.parametrize("host", ["127.0.0.1", "::1", "[::1]", "localhost"])
def test_any_form_of_address(host: str) -> None:
    with sockets.open_socket(ServeOptions(host=host, port=0)) as sock:
        sock.listen()
        url = sockets.url(sock)
        port = sock.getsockname()[1]
    assert port > 0
    assert url == (f"http://[::1]:{port}" if "::" in host else f"http://127.0.0.1:{port}")


@pytest.mark.parametrize("families", [(6, 4), (4, 6), (4, 4)])
def test_of_a_name_with_addresses_of_both_kinds_the_first_of_ipv4_is_taken(
    families: tuple[int, ...], monkeypatch: pytest.MonkeyPatch
) -> None:
    kinds = {4: (socket.AF_INET, ("127.0.0.1", 0)), 6: (socket.AF_INET6, ("::1", 0, 0, 0))}
    found = [(kinds[each][0], socket.SOCK_STREAM, 6, "", kinds[each][1]) for each in families]
    monkeypatch.setattr(socket, "getaddrinfo", lambda *_, **__: found)
    with sockets.open_socket(ServeOptions(host="localhost", port=0)) as sock:
        assert sock.getsockname()[0] == "127.0.0.1"


def test_bound_but_not_listening_yet() -> None:
    with (
        sockets.open_socket(ServeOptions(port=0)) as sock,
        socket.socket() as client,
        pytest.raises(ConnectionRefusedError),
    ):
        client.connect(sock.getsockname())


def test_accepted_sockets_have_small_buffers_and_a_time_limit() -> None:
    with sockets.open_socket(ServeOptions(port=0)) as sock:
        sock.listen()
        sock.setblocking(True)
        with socket.create_connection(sock.getsockname()):
            accepted, _ = sock.accept()
            with accepted:
                assert accepted.getsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF) == 2 * 256 * 1024
                assert accepted.getsockopt(socket.IPPROTO_TCP, socket.TCP_USER_TIMEOUT) == 120_000


@pytest.mark.parametrize(
    ("host", "port"), [("203.0.113.77", 0), ("no.such.host.invalid", 0), ("127.0.0.1", 70_000)]
)
def test_an_address_that_is_not_ours(host: str, port: int) -> None:
    with pytest.raises(ListenError, match=f"cannot listen on {host}:{port}: "):
        sockets.open_socket(ServeOptions(host=host, port=port))


def test_descriptors_that_are_no_tcp_sockets(tmp_path) -> None:
    with (tmp_path / "file").open("wb") as file, pytest.raises(ListenError, match="is not a socket"):
        sockets.adopt(file.fileno())
    with socket.socket(type=socket.SOCK_DGRAM) as udp:
        with pytest.raises(ListenError, match="is not a TCP socket"):
            sockets.adopt(udp.fileno())
        assert udp.fileno() >= 0  # still the caller's


def test_an_inherited_socket_is_served(server_name: str, launch: Launch) -> None:
    with socket.create_server(("127.0.0.1", 0)) as sock:
        process = launch(server_name, fd=sock.fileno())
        assert process.address == sock.getsockname()
        assert process.get("/hello").status == 200


def test_ipv6_is_served(server_name: str, launch: Launch) -> None:
    process = launch(server_name, host="::1")
    assert process.get("/hello").status == 200
    assert process.get("/scope").json["client"] == "::1"


def test_connections_wait_for_a_server_that_starts(server_name: str, launch: Launch) -> None:
    """An inherited listening socket takes them before we do."""
    with (
        socket.create_server(("127.0.0.1", 0)) as sock,
        socket.create_connection(sock.getsockname()) as early,
    ):
        early.sendall(request("/hello", connection="close"))
        launch(server_name, fd=sock.fileno())
        early.settimeout(5)
        assert early.recv(65536).startswith(b"HTTP/1.1 200")
