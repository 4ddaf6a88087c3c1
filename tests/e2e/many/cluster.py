"""Gateways of several workers over one PostgreSQL and one Redis, and how to speak to a certain worker."""

from __future__ import annotations

import os
import re
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tests.fakes.postgres import Postgres
from tests.fakes.redis import RedisServer
from tests.harness import GatewayProcess, Token
from tests.rawhttp import RawClient, Response

ALL_LISTEN = re.compile(r"listening on \S*?:(\d+) with \d+ workers")


@dataclass
class Stores:
    """What all hosts share."""

    postgres: Postgres
    redis: RedisServer
    database: str
    count: int = 0

    def settings(self) -> dict[str, str]:
        return {"DATABASE_URL": self.postgres.url(self.database), "REDIS_URL": self.redis.url}

    def query(self, words: str, *values: object) -> list[dict[str, Any]]:
        return self.postgres.query(words, *values, database=self.database)


class Host(GatewayProcess):
    """`serve --workers N`: a parent and its workers."""

    def __init__(
        self,
        stores: Stores,
        data_dir: Path,
        upstream_url: str,
        entry_point: str = "uvicorn",
        settings: Mapping[str, str] | None = None,
    ) -> None:
        for name in ("data", "claude"):
            (data_dir / name).mkdir(parents=True, exist_ok=True)
        own = {"WORKERS": "2", **stores.settings(), **(settings or {})}
        super().__init__(data_dir, data_dir, upstream_url, entry_point, own)
        self.stores = stores
        self.listening = ALL_LISTEN if int(own["WORKERS"]) > 1 else self.listening

    @property
    def workers(self) -> list[int]:
        """Return process ids, those that retire included; of a single process, its own."""
        return self.processes()[1:] or self.processes()

    def connect_to(self, pid: int) -> RawClient:
        """Return a connection that this worker has accepted."""
        kept = []
        try:
            deadline = time.monotonic() + 10
            while True:
                client = RawClient(self.port)
                if pid == self.worker_of(client):
                    return client
                kept.append(client)  # so that the next one goes elsewhere
                assert time.monotonic() < deadline, f"worker {pid} accepts nothing"
        finally:
            for other in kept:
                other.sock.close()

    def worker_of(self, client: RawClient) -> int | None:
        """Return the worker that has accepted the connection."""
        mine = client.sock.getsockname()[1]
        deadline = time.monotonic() + 5
        while time.monotonic() < deadline:
            inode = _inode(self.port, mine)
            for pid in self.workers:
                if inode and inode in _sockets(pid):
                    return pid
            time.sleep(0.005)
        return None

    def on_every_worker(self, ask: Callable[[RawClient], Response]) -> dict[int, Response]:
        """Return one answer from each."""
        answers = {}
        for pid in self.workers:
            with self.connect_to(pid) as client:
                answers[pid] = ask(client)
        return answers

    def messages_by(self, client: RawClient, body: bytes, token: Token | None = None) -> Response:
        """Make one call on a connection that stays open."""
        token = token or self.token
        client.ask("POST", "/v1/messages", [token.bearer, *self.call_headers()[1:]], body)
        return client.response()

    def rows(self, query: str, *values: object) -> list[Any]:
        return self.stores.query(query.replace("?", "%s"), *values)


def _inode(server_port: int, client_port: int) -> str | None:
    for line in Path("/proc/net/tcp").read_text().splitlines()[1:]:
        fields = line.split()
        if fields[1].endswith(f":{server_port:04X}") and fields[2].endswith(f":{client_port:04X}"):
            return fields[9] if fields[9] != "0" else None  # 0: not accepted yet
    return None


def client_connections(port: int, pid: int) -> int:
    """Count the connections of clients that a worker holds."""
    mine = _sockets(pid)
    lines = [line.split() for line in Path("/proc/net/tcp").read_text().splitlines()[1:]]
    return sum(1 for f in lines if f[1].endswith(f":{port:04X}") and f[3] == "01" and f[9] in mine)


def _sockets(pid: int) -> set[str]:
    found = set()
    try:
        for name in os.listdir(f"/proc/{pid}/fd"):
            try:
                target = os.readlink(f"/proc/{pid}/fd/{name}")
            except FileNotFoundError:
                continue
            if target.startswith("socket:["):
                found.add(target[8:-1])
    except (FileNotFoundError, ProcessLookupError):
        return set()
    return found


def eventually(
    is_it: Callable[[], Any],
    seconds: float = 10.0,
    what: str = "it did not happen",
    every: float = 0.02,
) -> Any:
    end = time.monotonic() + seconds
    while not (value := is_it()):
        assert time.monotonic() < end, f"{what} in {seconds} s"
        time.sleep(every)
    return value
