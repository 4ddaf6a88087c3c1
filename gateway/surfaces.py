"""The table of surfaces: every API we show, once. Both doors are made from it.

A surface matches on the raw path, byte for byte, and never on the query. A path that only looks like one after
decoding (`/%76%31/messages`, `//v1/messages`) is an unknown path.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass
from enum import StrEnum

import msgspec

from providers.dialects.table import DIALECTS

LEGACY_PREFIX = b"/api/latest/anthropic/"
"""The reference's prefix. What follows re-enters the table as a path of its own; nothing is ever glued to a host."""

HOSTILE = re.compile(rb"//|\\|%2e|%2f|%5c|(?:^|/)\.{1,2}(?:/|$)|[^\x21-\x7e]", re.IGNORECASE)
"""What no path that leaves for an upstream may hold: whatever a URL parser on the way could read differently."""


class Action(StrEnum):
    RELAY = "relay"  # the road: a provider answers
    FORWARD = "forward"  # the road, to a provider of the same dialect, never translated
    MODELS = "models"  # the road, with our own names added to the upstream's list
    OK = "ok"  # answered here with 200 and an empty JSON object or no body
    HEALTH = "health"  # 200 `ok` while the process lives
    READY = "ready"  # 200 or 503 with what is missing


class Family(StrEnum):
    """What the `DISABLE_*` switches name."""

    ANTHROPIC = "anthropic"
    BEDROCK = "bedrock"
    VERTEX = "vertex"
    OPENAI = "openai"
    SHARED = "shared"  # of both APIs: hidden when both are
    NONE = "none"


@dataclass(frozen=True, slots=True)
class Surface:
    """One row: a way to call us."""

    name: str
    methods: tuple[str, ...]
    path: str  # `{x}` stands for one segment or its part, `*` for any rest
    summary: str
    dialect: str = "anthropic"  # a name in `providers.dialects.table`
    family: Family = Family.ANTHROPIC
    action: Action = Action.RELAY
    has_body: bool = True  # a JSON body of the dialect, whose fields the road reads


class Match(msgspec.Struct, frozen=True):
    """A row and the path as the row's own API knows it: without the legacy prefix."""

    surface: Surface
    path: bytes


SURFACES: tuple[Surface, ...] = (
    Surface("messages", ("POST",), "/v1/messages", "Anthropic Messages, streamed or not"),
    Surface("count_tokens", ("POST",), "/v1/messages/count_tokens", "Anthropic token counting"),
    Surface(
        "chat_completions",
        ("POST",),
        "/v1/chat/completions",
        "OpenAI Chat Completions, streamed or not",
        dialect="openai_chat",
        family=Family.OPENAI,
    ),
    Surface(
        "responses",
        ("POST",),
        "/v1/responses",
        "OpenAI Responses, streamed or not",
        dialect="openai_responses",
        family=Family.OPENAI,
    ),
    *(
        Surface(
            "openai_forward",
            ("POST",),
            path,
            "Passed to an OpenAI-compatible provider as it is",
            dialect="openai_chat",
            family=Family.OPENAI,
            action=Action.FORWARD,
        )
        for path in (
            "/v1/embeddings",
            "/v1/completions",
            "/v1/moderations",
            "/v1/rerank",
            "/v1/images/*",
            "/v1/audio/*",
        )
    ),
    *(
        Surface("bedrock", ("POST",), path, summary, dialect="bedrock", family=Family.BEDROCK)
        for path, summary in (
            ("/model/{model}/invoke", "Bedrock InvokeModel"),
            ("/model/{model}/invoke-with-response-stream", "Bedrock InvokeModel, streamed as frames"),
            ("/model/{model}/count-tokens", "Bedrock CountTokens"),
            ("/invoke", "Bedrock InvokeModel, the model in the body"),
            ("/invoke-with-response-stream", "Bedrock InvokeModel, streamed, the model in the body"),
        )
    ),
    *(
        Surface("vertex", ("POST",), path, summary, dialect="vertex", family=Family.VERTEX)
        for path, summary in (
            ("/*:rawPredict", "Vertex rawPredict and count-tokens, under any prefix"),
            ("/*:streamRawPredict", "Vertex streamRawPredict, under any prefix"),
        )
    ),
    Surface(
        "models",
        ("GET", "HEAD"),
        "/v1/models",
        "The models that can be asked for, in the caller's shape",
        family=Family.SHARED,
        action=Action.MODELS,
        has_body=False,
    ),
    Surface(
        "model",
        ("GET", "HEAD"),
        "/v1/models/*",
        "One model; its name may hold slashes",
        family=Family.SHARED,
        action=Action.MODELS,
        has_body=False,
    ),
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
            if "{" in row.path or "*" in row.path:
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
        is_hostile = HOSTILE.search(path) is not None
        for pattern, rows in self._patterns:
            if pattern.fullmatch(path) and (not is_hostile or _is_read_here(rows[0])):
                return rows
        return []


def _is_read_here(row: Surface) -> bool:
    """Of an envelope, and of a model's path, only the name in it is read: such a path never leaves."""
    return DIALECTS[row.dialect].envelope is not None or row.action is Action.MODELS


class WrongMethod(Exception):
    """The path is a surface's, the method is not."""

    def __init__(self, allowed: tuple[str, ...]) -> None:
        super().__init__(", ".join(allowed))
        self.allowed = allowed


def _compile(path: str) -> re.Pattern[bytes]:
    source = b"".join(
        _PIECES.get(piece, re.escape(piece.encode())) for piece in re.split(r"(\{\w+\}|\*)", path)
    )
    return re.compile(source)


_PIECES = {"*": rb"[^?]*", "{model}": rb"[^/]+"}


def _extra(path: str) -> Surface:
    methods = ("GET", "POST", "PUT", "PATCH", "DELETE")
    return Surface(
        "extra", methods, path, "Passed to Anthropic as it is (`ANTHROPIC_EXTRA_PATHS`)", has_body=False
    )
