"""Counters as plain data: added up over processes, written down and read again."""

from __future__ import annotations

from typing import TypeVar

import msgspec

SECONDS_BOUNDS = (0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0, 60.0, 120.0, 300.0, 600.0)
OVERHEAD_BOUNDS = (0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.5)
DAY_SECONDS = 86_400
TOKEN_KINDS = ("input", "cache_read", "cache_write_5m", "cache_write_1h", "output")
Key = TypeVar("Key")


class Histogram(msgspec.Struct):
    """Counts per bucket; the last bucket has no bound."""

    bounds: tuple[float, ...]
    counts: list[int]
    sum: float = 0.0

    def add(self, other: Histogram) -> None:
        if other.bounds != self.bounds:
            return  # of another version
        self.counts = [mine + theirs for mine, theirs in zip(self.counts, other.counts, strict=True)]
        self.sum += other.sum

    def buckets(self) -> list[tuple[str, float]]:
        """Return (upper bound, how many lie below it) pairs, as Prometheus wants them."""
        total = 0
        found: list[tuple[str, float]] = []
        for bound, count in zip((*self.bounds, float("inf")), self.counts, strict=True):
            total += count
            found.append(("+Inf" if bound == float("inf") else repr(bound), total))
        return found


def histogram(bounds: tuple[float, ...]) -> Histogram:
    return Histogram(bounds, [0] * (len(bounds) + 1))


def _of_seconds() -> Histogram:
    return histogram(SECONDS_BOUNDS)


class SurfaceCounts(msgspec.Struct):
    """Counts of one surface. `tokens` in the order of TOKEN_KINDS."""

    requests: int = 0
    seconds: Histogram = msgspec.field(default_factory=_of_seconds)
    first_byte: Histogram = msgspec.field(default_factory=_of_seconds)
    tokens: list[int] = msgspec.field(default_factory=lambda: [0] * len(TOKEN_KINDS))

    def add(self, other: SurfaceCounts) -> None:
        self.requests += other.requests
        self.seconds.add(other.seconds)
        self.first_byte.add(other.first_byte)
        self.tokens = [mine + theirs for mine, theirs in zip(self.tokens, other.tokens, strict=True)]


SUMS = (
    "requests",
    "errors",
    "bytes_in",
    "bytes_out",
    "issued",
    "revoked",
    "rows_dropped",
    "unauthenticated",
)
PRESENT = (
    "in_flight",
    "streams",
    "websockets",
    "tasks",
    "database_away",
    "redis_users",
    "redis_away",
    "spooled_bytes",
)
"""Counts of this moment, which are gone with their process."""


class Counts(msgspec.Struct):
    """Counts of one process, or of several together. `upstream_errors` by (provider, kind, code)."""

    requests: int = 0
    errors: int = 0
    bytes_in: int = 0
    bytes_out: int = 0
    issued: int = 0
    revoked: int = 0
    rows_dropped: int = 0  # usage that neither database nor spool took
    unauthenticated: int = 0  # calls without a valid token
    noise: int = 0  # the same, of the UTC day `noise_day`, counted from 1970
    noise_day: int = 0
    in_flight: int = 0
    streams: int = 0  # those of them whose answer streams
    websockets: int = 0
    tasks: int = 0
    database_away: int = 0  # how many processes it is away for; the next two likewise
    redis_users: int = 0
    redis_away: int = 0
    spooled_bytes: int = 0
    without_redis: dict[str, int] = msgspec.field(default_factory=dict)
    """Limited calls decided while Redis was away, by `refused` or `local`."""
    statuses: dict[int, int] = msgspec.field(default_factory=dict)
    accounts: dict[str, int] = msgspec.field(default_factory=dict)
    upstream_errors: dict[tuple[str, ...], int] = msgspec.field(default_factory=dict)
    payments: dict[tuple[str, ...], int] = msgspec.field(default_factory=dict)
    """By (method, what happened)."""
    telemetry: dict[str, int] = msgspec.field(default_factory=dict)
    """Clients' telemetry, by what became of a body."""
    spans: dict[str, int] = msgspec.field(default_factory=dict)
    """Of traces of our own calls, by what became of them."""
    refused: dict[str, int] = msgspec.field(default_factory=dict)
    surfaces: dict[str, SurfaceCounts] = msgspec.field(default_factory=dict)
    overhead: Histogram = msgspec.field(default_factory=lambda: histogram(OVERHEAD_BOUNDS))
    used: dict[str, int] = msgspec.field(default_factory=dict)
    """Calls that each account was chosen for."""

    def surface(self, name: str) -> SurfaceCounts:
        found = self.surfaces.get(name)
        if found is None:
            found = self.surfaces[name] = SurfaceCounts()
        return found

    def note_noise(self, day: int, count: int = 1) -> None:
        """Count calls without a valid token of one UTC day: a new day begins at nothing, an older one is over."""
        if day > self.noise_day:
            self.noise_day, self.noise = day, 0
        if day == self.noise_day:
            self.noise += count

    def forget_present(self) -> None:
        """Drop what was true of a process that has died; what it has counted stays."""
        for name in PRESENT:
            setattr(self, name, 0)

    def add(self, other: Counts) -> None:
        for name in (*SUMS, *PRESENT):
            setattr(self, name, getattr(self, name) + getattr(other, name))
        self.note_noise(other.noise_day, other.noise)
        _add(self.statuses, other.statuses)
        _add(self.accounts, other.accounts)
        _add(self.upstream_errors, other.upstream_errors)
        _add(self.refused, other.refused)
        _add(self.payments, other.payments)
        _add(self.telemetry, other.telemetry)
        _add(self.spans, other.spans)
        _add(self.used, other.used)
        _add(self.without_redis, other.without_redis)
        for name, counts in list(other.surfaces.items()):
            self.surface(name).add(counts)
        self.overhead.add(other.overhead)


def _add(mine: dict[Key, int], theirs: dict[Key, int]) -> None:
    for key, count in list(theirs.items()):  # at once: the event loop goes on counting meanwhile
        mine[key] = mine.get(key, 0) + count


_encoder = msgspec.msgpack.Encoder()
_decoder = msgspec.msgpack.Decoder(Counts)


def encoded(counts: Counts) -> bytes:
    return _encoder.encode(counts)


def decoded(data: bytes) -> Counts:
    """Read counts back. Raises `msgspec.MsgspecError`."""
    return _decoder.decode(data)
