"""A proxy that keeps what passes: each request with its answer, under a number that goes along.

Two of them, one before the gateway and one behind it, show what the gateway changes.
"""

from __future__ import annotations

import http.client
import itertools
from collections.abc import Callable
from dataclasses import dataclass, field
from urllib.parse import urlsplit

from tests.fakes.server import Answer, FakeServer, Seen

NUMBERS = (b"x-recorded-number", b"openai-recorded-number")
"""Headers that say it: one of them passes each driver."""
HOP = frozenset(
    (b"connection", b"keep-alive", b"transfer-encoding", b"content-length", b"host", b"date", b"server")
)
Pairs = tuple[tuple[bytes, bytes], ...]


@dataclass
class Passed:
    """One exchange. Header names are in lower case, without those of a connection."""

    method: str
    target: bytes
    headers: Pairs
    body: bytes
    status: int = 0
    answer_headers: Pairs = ()
    answer: bytes = b""


@dataclass
class Way:
    """Where a recorder sends on: an origin, a prefix before paths or one to be taken off, headers that are replaced."""

    origin: str
    prefix: bytes = b""
    without: bytes = b""
    headers: dict[bytes, bytes] = field(default_factory=dict)

    def target(self, target: bytes) -> bytes:
        return self.prefix + target.removeprefix(self.without)


class Recorder(FakeServer):
    """Passes requests on; `passed` has them by their numbers, which the first recorder that sees them gives."""

    def __init__(self, way: Callable[[], Way]) -> None:
        super().__init__(self._pass)
        self.passed: dict[bytes, Passed] = {}
        self._way = way
        self._numbers = itertools.count(1)

    def _pass(self, seen: Seen) -> Answer:
        way = self._way()
        told = [value for name in NUMBERS for value in seen.all(name.decode())]
        number = told[0] if told else b"%d of %d" % (next(self._numbers), id(self))
        headers = tuple((name.lower(), value) for name, value in seen.headers)
        kept = tuple(pair for pair in headers if pair[0] not in HOP and pair[0] not in NUMBERS)
        one = self.passed[number] = Passed(seen.method, way.target(seen.target), kept, seen.body)
        host = urlsplit(way.origin)
        connection = http.client.HTTPConnection(host.hostname or "", host.port, timeout=30)
        try:
            connection.putrequest(seen.method, one.target.decode("latin-1"), skip_accept_encoding=True)
            sent = [(name, way.headers.get(name, value)) for name, value in kept] + [
                (name, number) for name in NUMBERS
            ]
            for name, value in sent:
                connection.putheader(name.decode("latin-1"), value)
            if seen.body or seen.method in ("POST", "PUT", "PATCH"):
                connection.putheader("content-length", str(len(seen.body)))
            connection.endheaders(seen.body)
            answer = connection.getresponse()
            one.status, one.answer = answer.status, answer.read()
            heads = [(name.lower(), value) for name, value in answer.getheaders()]
        finally:
            connection.close()
        shown = [(name, value) for name, value in heads if name.encode() not in HOP]
        one.answer_headers = tuple((name.encode("latin-1"), value.encode("latin-1")) for name, value in shown)
        return Answer(one.status, shown, [one.answer])
