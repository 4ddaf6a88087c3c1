"""As much of a websocket client as the tests need."""

import base64
import os
import socket
import struct

from tests.gateway.servers.harness import ServerProcess


def handshake(process: ServerProcess, path: str) -> tuple[socket.socket, bytes]:
    sock = process.connect()
    key = base64.b64encode(os.urandom(16)).decode()
    sock.sendall(
        f"GET {path} HTTP/1.1\r\nHost: test\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
        f"Sec-WebSocket-Key: {key}\r\nSec-WebSocket-Version: 13\r\n\r\n".encode()
    )
    head = b""
    while not head.endswith(b"\r\n\r\n"):  # byte by byte: a frame may follow at once
        head += read_exactly(sock, 1)
    return sock, head


def send_text(sock: socket.socket, text: bytes) -> None:
    mask = os.urandom(4)
    masked = bytes(byte ^ mask[index % 4] for index, byte in enumerate(text))
    sock.sendall(bytes([0x81, 0x80 | len(text)]) + mask + masked)


def read_frame(sock: socket.socket) -> tuple[int, bytes]:
    """(opcode, payload) of a short frame."""
    first, length = read_exactly(sock, 2)
    return first & 15, read_exactly(sock, length)


def read_exactly(sock: socket.socket, size: int) -> bytes:
    data = b""
    while len(data) < size:
        piece = sock.recv(size - len(data))
        assert piece
        data += piece
    return data


def close_code(frame: tuple[int, bytes]) -> int:
    assert frame[0] == 8
    return struct.unpack("!H", frame[1][:2])[0]
