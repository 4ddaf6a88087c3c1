"""A Redis server of one test's own: on a Unix socket in a temporary directory, without a port."""

from __future__ import annotations

import shutil
import subprocess
import tempfile
import time
from pathlib import Path
from typing import Self

import redis


def is_installed() -> bool:
    return shutil.which("redis-server") is not None


class RedisServer:
    """`start` and `stop` as often as a test likes; nothing survives a stop."""

    def __init__(self) -> None:
        self.directory = Path(tempfile.mkdtemp(prefix="redis-", dir="/tmp"))
        self.socket = self.directory / "redis.sock"
        self._process: subprocess.Popen[bytes] | None = None

    @property
    def url(self) -> str:
        """For `REDIS_URL`."""
        return f"unix://{self.socket}"

    def start(self) -> Self:
        command = ["redis-server", "--port", "0", "--unixsocket", str(self.socket)]
        command += ["--save", "", "--appendonly", "no", "--dir", str(self.directory)]
        self._process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        deadline = time.monotonic() + 10
        while not self.is_up():
            assert self._process.poll() is None, f"redis-server ended: {self._process.returncode}"
            assert time.monotonic() < deadline, "redis-server does not answer"
            time.sleep(0.01)
        return self

    def is_up(self) -> bool:
        ping = ["redis-cli", "-s", str(self.socket), "ping"]
        return subprocess.run(ping, capture_output=True, check=False).stdout.strip() == b"PONG"

    def client(self) -> redis.Redis:
        return redis.Redis(unix_socket_path=str(self.socket))

    def stop(self) -> None:
        if self._process is not None:
            self._process.kill()
            self._process.wait()
            self._process = None
        self.socket.unlink(missing_ok=True)

    def close(self) -> None:
        self.stop()
        shutil.rmtree(self.directory, ignore_errors=True)
