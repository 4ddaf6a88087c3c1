"""The table of surfaces: every API we show, once. Both doors are made from it.

A surface matches on the raw path, byte for byte, and never on the query. A path that only looks like one after
decoding (`/%76%31/messages`, `//v1/messages`) is an unknown path.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass
from enum import StrEnum

LEGACY_PREFIX = b"/api/latest/anthropic/"
"""The reference's prefix. What follows re-enters the table as a path of its own; nothing is ever glued to a host."""

HOSTILE = re.compile(rb"//|\\|%2e|%2f|%5c|(?:^|/)\.{1,2}(?:/|$)|[^\x21-\x7e]", re.IGNORECASE)
"""What no path that leaves for an upstream may hold: whatever a URL parser on the way could read differently."""


class Action(StrEnum):
    RELAY = "relay"  # the road: a provider answers
    OK = "ok"  # answered here with 200 and an empty JSON object or no body
    HEALTH = "health"  # 200 `ok` while the process lives
    READY = "ready"  # 200 or 503 with what is missing


class Family(StrEnum):
    """What the `DISABLE_*` switches name."""

    ANTHROPIC = "anthropic"
    OPENAI = "openai"
    NONE = "none"


@dataclass(frozen=True, slots=True)
class Surface:
    """One row: a way to call us."""

    name: str
    methods: tuple[str, ...]
    path: str  # `{x}` stands for one segment, a closing `*` for any rest
    summary: str
    dialect: str = "anthropic"
    family: Family = Family.ANTHROPIC
    action: Action = Action.RELAY
    has_body: bool = True  # a JSON body of the dialect, whose fields the road reads


@dataclass(frozen=True, slots=True)
class Match:
    """A row and the path as the row's own API knows it: without the legacy prefix."""

    surface: Surface
    path: bytes


SURFACES: tuple[Surface, ...] = (
    Surface("messages", ("POST",), "/v1/messages", "Anthropic Messages, streamed or not"),
    Surface("count_tokens", ("POST",), "/v1/messages/count_tokens", "Anthropic token counting"),
    Surface("models", ("GET",), "/v1/models", "The models that can be asked for", has_body=False),
    Surface("model", ("GET",), "/v1/models/{model}", "One model", has_body=False),
    Surface(
        "hello", ("HEAD",), "/", "Connection warm-up of Claude Code", family=Family.NONE, action=Action.OK
    ),
    Surface(
        "api_hello",
        ("HEAD",),
        "/api/hello",
        "Connection warm-up of Claude Code",
        family=Family.NONE,
        action=Action.OK,
    ),
    Surface(
        "event_logging",
        ("POST",),
        "/api/event_logging/*",
        "Client telemetry: answered here, never forwarded",
        family=Family.NONE,
        action=Action.OK,
    ),
    Surface(
        "health",
        ("GET", "HEAD"),
        "/health",
        "The process lives",
        family=Family.NONE,
        action=Action.HEALTH,
        has_body=False,
    ),
    Surface(
        "ready",
        ("GET", "HEAD"),
        "/health/ready",
        "It may be sent traffic",
        family=Family.NONE,
        action=Action.READY,
        has_body=False,
    ),
)


UNKNOWN = Surface("unknown", (), "", "Any other path", family=Family.NONE, has_body=False)
"""Stands for paths that no row has: 401 without a token, 404 with one."""


class Table:
    """The rows of one configuration, and what a request's method and raw path mean by them."""

    def __init__(self, rows: Iterable[Surface], extra_paths: Iterable[str] = ()) -> None:
        self.rows = tuple(rows) + tuple(_extra(path) for path in extra_paths)
        self._exact: dict[bytes, list[Surface]] = {}
        self._patterns: list[tuple[re.Pattern[bytes], list[Surface]]] = []
        by_pattern: dict[str, list[Surface]] = {}
        for row in self.rows:
            if "{" in row.path or row.path.endswith("*"):
                by_pattern.setdefault(row.path, []).append(row)
            else:
                self._exact.setdefault(row.path.encode(), []).append(row)
        for path, rows_of_path in by_pattern.items():
            self._patterns.append((_compile(path), rows_of_path))

    def match(self, method: str, raw_path: bytes) -> Match | None:
        """The row for this request; None when no row has the path. Raises `WrongMethod`."""
        path = raw_path
        if path.startswith(LEGACY_PREFIX):
            path = path[len(LEGACY_PREFIX) - 1 :]
        rows = self._exact.get(path) or self._by_pattern(path)
        if not rows:
            return None
        for row in rows:
            if method in row.methods:
                return Match(row, path)
        raise WrongMethod(tuple(sorted({name for row in rows for name in row.methods})))

    def _by_pattern(self, path: bytes) -> list[Surface]:
        if HOSTILE.search(path):
            return []
        for pattern, rows in self._patterns:
            if pattern.fullmatch(path):
                return rows
        return []


class WrongMethod(Exception):
    """The path is a surface's, the method is not."""

    def __init__(self, allowed: tuple[str, ...]) -> None:
        super().__init__(", ".join(allowed))
        self.allowed = allowed


def _compile(path: str) -> re.Pattern[bytes]:
    rest = path.endswith("*")
    parts = re.split(r"\{\w+\}", path[:-1] if rest else path)
    source = rb"[^/]+".join(re.escape(part.encode()) for part in parts)
    return re.compile(source + (rb".*" if rest else rb""))


def _extra(path: str) -> Surface:
    methods = ("GET", "POST", "PUT", "PATCH", "DELETE")
    return Surface(
        "extra", methods, path, "Passed to Anthropic as it is (`ANTHROPIC_EXTRA_PATHS`)", has_body=False
    )
