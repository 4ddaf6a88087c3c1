"""Many small calls over connections that stay open; and what must have been counted then."""

from __future__ import annotations

import asyncio
import itertools
import json
import socket
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from decimal import Decimal

from tests.e2e.many.cluster import Host, Stores
from tests.fakes.counting_vendor import TOKENS, Counts
from tests.harness import Token

STREAMED_EVERY = 8
MILLION = 10**6
PRICED = ("input", "cache_read", "cache_write_5m", "cache_write_1h", "output")


def request(token: Token, model: str, **more: object) -> bytes:
    """Return a whole POST /v1/messages."""
    said = [{"role": "user", "content": "hi"}]
    body = json.dumps({**more, "model": model, "max_tokens": 64, "messages": said}).encode()
    name, value = token.bearer
    return (
        f"POST /v1/messages HTTP/1.1\r\nhost: gateway.test\r\n{name}: {value}\r\nanthropic-version: 2023-06-01\r\n"
        f"content-type: application/json\r\ncontent-length: {len(body)}\r\n\r\n"
    ).encode() + body


def mixed(calls: Sequence[tuple[Token, str]]) -> Iterator[bytes]:
    """Yield requests without end: one pair of token and model after the other, every eighth round streamed."""
    whole = [request(token, model) for token, model in calls]
    streamed = [request(token, model, stream=True) for token, model in calls]
    return itertools.cycle([*whole * (STREAMED_EVERY - 1), *streamed])


@dataclass
class Driver:
    """Each connection takes the next request when its last one is answered. `statuses` counts the answers."""

    requests: Iterator[bytes]
    left: int
    pause_seconds: float = 0.0  # after each answer: a load that leaves the machine room
    statuses: Counter[int] = field(default_factory=Counter)
    unanswered: int = 0  # requests whose connection ended before any byte of an answer

    async def over(self, sock: socket.socket) -> None:
        """Make `left` calls over one connection, shared with the others that take from it.

        It must stay open.
        """
        reader, writer = await asyncio.open_connection(sock=sock)
        try:
            while self.left > 0:
                self.left -= 1
                writer.write(next(self.requests))
                status, is_last = await one_answer(reader)
                self.statuses[status] += 1
                assert not is_last, "the worker closes the connection"
        finally:
            writer.close()

    async def reconnecting(self, port: int) -> None:
        """Do the same, with a new connection wherever the gateway closes one."""
        while self.left > 0:
            reader, writer = await asyncio.open_connection("127.0.0.1", port)
            is_last = False
            while self.left > 0 and not is_last:
                self.left -= 1
                try:
                    writer.write(next(self.requests))
                    status, is_last = await one_answer(reader)
                except (ConnectionError, asyncio.IncompleteReadError) as exc:
                    assert not getattr(exc, "partial", b""), "an answer was cut"
                    self.left += 1
                    self.unanswered += 1
                    break
                self.statuses[status] += 1
                await asyncio.sleep(self.pause_seconds)
            writer.close()


async def one_answer(reader: asyncio.StreamReader) -> tuple[int, bool]:
    """Return its status, and whether the connection ends with it."""
    head = (await asyncio.wait_for(reader.readuntil(b"\r\n\r\n"), 60)).lower()
    if b"transfer-encoding: chunked" in head:
        await asyncio.wait_for(reader.readuntil(b"\r\n0\r\n\r\n"), 60)
    else:
        length = head.partition(b"content-length: ")[2].partition(b"\r\n")[0]
        await asyncio.wait_for(reader.readexactly(int(length)), 60)
    return int(head[9:12]), b"connection: close" in head


def costs(stores: Stores, counted: Counts) -> dict[str, Decimal]:
    """Return what each model's tokens cost, computed from the price rows alone."""
    found = {}
    for model, counts in counted.items():
        [row] = stores.query("SELECT * FROM gateway_price WHERE model = %s AND provider = ''", model)
        prices = [row[name] for name in PRICED]
        amounts = [counts[name] for name in TOKENS]
        found[model] = sum((p * n for p, n in zip(prices, amounts, strict=True)), Decimal(0)) / MILLION
    return found


SUMS = ", ".join(f"sum({name})::bigint AS {name}" for name in TOKENS)


def in_rows(stores: Stores) -> tuple[Counts, dict[str, Decimal]]:
    """Return counts and cost by model, added up from the rows of single calls."""
    return _by_model(
        stores,
        f"SELECT model_served AS model, count(*) AS requests, {SUMS}, sum(cost) AS cost FROM gateway_exchange "
        "WHERE status = 200 AND NOT is_estimated AND token_id <> '' GROUP BY 1",
    )


def in_days(stores: Stores) -> tuple[Counts, dict[str, Decimal]]:
    """Return the same, from the daily sums."""
    return _by_model(
        stores,
        f"SELECT model, sum(requests)::bigint AS requests, {SUMS}, sum(cost) AS cost FROM gateway_daily "
        "WHERE token_id <> '' GROUP BY 1",
    )


def _by_model(stores: Stores, query: str) -> tuple[Counts, dict[str, Decimal]]:
    rows = stores.query(query)
    counts = {row["model"]: {name: int(row[name]) for name in ("requests", *TOKENS)} for row in rows}
    return counts, {row["model"]: row["cost"] for row in rows}


def count_rows(stores: Stores) -> int:
    return int(stores.query("SELECT count(*) AS n FROM gateway_exchange WHERE token_id <> ''")[0]["n"])


def answered(host: Host) -> int:
    """Return what /v1/usage shows for the surface, over all workers."""
    return int(host.admin("GET", "/v1/usage").json()["anthropic_messages"])
