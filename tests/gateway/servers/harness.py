"""Starts servers in processes of their own and speaks to them over sockets."""

import json
import os
import re
import select
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

ROOT = Path(__file__).parents[3]
START_SECONDS = 30


class ServerProcess:
    """A running server; `log` is what it wrote to standard error."""

    def __init__(
        self, server: str, tmp_path: Path, env: dict[str, str] | None = None, **options: Any
    ) -> None:
        self.log_path = tmp_path / f"{server}-{time.monotonic_ns()}.log"
        options.setdefault("port", 0)
        with self.log_path.open("wb") as log:
            self.process = subprocess.Popen(
                [sys.executable, "-m", "tests.gateway.servers.launch", server, json.dumps(options)],
                cwd=ROOT,
                env={**os.environ, **(env or {})},
                stdout=subprocess.PIPE,
                stderr=log,
                pass_fds=[options[name] for name in ("fd", "supervisor_fd") if name in options],
            )
        self.name = server
        self.address: tuple[str, int] | None = None

    def __enter__(self) -> "ServerProcess":
        self.started()
        return self

    def __exit__(self, *_: object) -> None:
        self.process.kill()
        self.process.wait()
        assert self.process.stdout is not None
        self.process.stdout.close()

    def started(self) -> None:
        assert self.process.stdout is not None
        assert select.select([self.process.stdout], [], [], START_SECONDS)[0], self.log
        line = self.process.stdout.readline().decode()
        found = re.fullmatch(r"http://\[?([^\]]+?)\]?:(\d+)\n", line)
        assert found, line + self.log
        self.address = (found[1], int(found[2]))

    @property
    def log(self) -> str:
        return self.log_path.read_text()

    def signal(self, number: signal.Signals) -> None:
        self.process.send_signal(number)

    def ends(self, seconds: float = 10) -> int:
        return self.process.wait(seconds)

    def connect(self, timeout: float = 10, receive_buffer: int = 0) -> socket.socket:
        assert self.address is not None
        sock = socket.socket(socket.AF_INET6 if ":" in self.address[0] else socket.AF_INET)
        if receive_buffer:
            sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, receive_buffer)
        sock.settimeout(timeout)
        sock.connect(self.address)
        return sock

    def get(self, target: str, **headers: str) -> "Answer":
        """One request on a connection of its own."""
        return self.talk(request(target, connection="close", **headers))

    def talk(self, data: bytes) -> "Answer":
        """Send bytes, read until the server closes, take the first answer."""
        with self.connect() as sock:
            sock.sendall(data)
            return Answer(read_to_end(sock))

    def eventually(self, target: str, is_it: Callable[[Any], Any], seconds: float = 5) -> Any:
        """Ask until the JSON answer is right."""
        return until(lambda: is_it(self.get(target).json), seconds)


def until(is_it: Callable[[], Any], seconds: float = 5) -> Any:
    end = time.monotonic() + seconds
    while not (value := is_it()):
        assert time.monotonic() < end, "it did not happen in time"
        time.sleep(0.01)
    return value


def request(target: str, body: bytes = b"", method: str = "", **headers: str) -> bytes:
    """A request; with a body it is a POST. Header names have `_` for `-`."""
    lines = [f"{method or ('POST' if body else 'GET')} {target} HTTP/1.1", "Host: test"]
    lines += [f"{name.replace('_', '-')}: {value}" for name, value in headers.items()]
    if body:
        lines.append(f"Content-Length: {len(body)}")
    return "\r\n".join(lines).encode("latin1") + b"\r\n\r\n" + body


def chunked(target: str, *chunks: bytes) -> bytes:
    """The head of a chunked POST and the given chunks, without the last one."""
    return request(target, method="POST", transfer_encoding="chunked") + b"".join(map(chunk, chunks))


def chunk(data: bytes) -> bytes:
    return b"%x\r\n%b\r\n" % (len(data), data)


def read_to_end(sock: socket.socket) -> bytes:
    """Everything until the server closes or resets."""
    data = bytearray()
    try:
        while piece := sock.recv(65536):
            data += piece
    except ConnectionResetError:
        data += b"<reset>"
    return bytes(data)


def read_until(sock: socket.socket, mark: bytes) -> bytes:
    data = bytearray()
    while mark not in data:
        piece = sock.recv(65536)
        assert piece, bytes(data)
        data += piece
    return bytes(data)


class Answer:
    """A raw answer, taken apart a little."""

    def __init__(self, raw: bytes) -> None:
        self.raw = raw
        head, _, self.body = raw.partition(b"\r\n\r\n")
        first, *lines = head.decode("latin1").split("\r\n")
        self.status = int(first.split()[1]) if first.startswith("HTTP/") else 0
        pairs = (line.partition(":") for line in lines)
        self.headers = {name.lower(): value.strip() for name, _, value in pairs}

    @property
    def json(self) -> Any:
        return json.loads(self.body)

    @property
    def error(self) -> str:
        """The type of an error in Anthropic's shape, which must be complete."""
        assert self.headers["content-type"] == "application/json"
        assert self.headers["request-id"]
        assert list(self.json) == ["error", "type"]
        assert self.json["type"] == "error"
        assert self.json["error"]["message"]
        return self.json["error"]["type"]
