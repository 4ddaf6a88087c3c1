"""The table of surfaces: every API we show, once. Both entry points are made from it.

A surface matches on the raw path, byte for byte, and never on the query. A path that only looks like one
after decoding (`/%76%31/messages`, `//v1/messages`) is an unknown path.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass, replace
from enum import StrEnum

import msgspec

from gateway.exchange.personal import PERSONAL
from providers.dialects.table import DIALECTS, is_openai_client, of_caller
from providers.dialects.types import Call, Headers

LEGACY_PREFIX = b"/api/latest/anthropic/"
"""The reference's prefix.

What follows re-enters the table as a path of its own; nothing is ever glued to a host.
"""

HOSTILE = re.compile(rb"//|\\|%2e|%2f|%5c|(?:^|/)\.{1,2}(?:/|$)|[^\x21-\x7e]", re.IGNORECASE)
"""What no path that leaves for an upstream may hold: whatever a URL parser on the way could read differently."""


class Action(StrEnum):
    """Kinds of answers to a surface's calls."""

    RELAY = "relay"  # a provider answers
    FORWARD = "forward"  # a provider of the same dialect answers; never translated
    OBJECTS = "objects"  # the provider that has the object answers; lists are ours
    MODELS = "models"  # a provider answers, with our own names added to its list
    OK = "ok"  # answered here with 200 and an empty JSON object or no body
    HEALTH = "health"  # 200 `ok` while the process lives
    READY = "ready"  # 200 or 503 with what is missing
    STORED = "stored"  # answered from the responses that are kept here
    PERSONAL = "personal"  # answered here from what is known of the bearer
    WARM_UP = "warm-up"  # answered here with a response that is only there to be continued


class Family(StrEnum):
    """Groups of surfaces that the `DISABLE_*` switches name."""

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
    path: str  # `{x}` stands for one segment or its part, `*` for anything that follows
    summary: str
    dialect: str = "anthropic"  # a name in `providers.dialects.table`
    family: Family = Family.ANTHROPIC
    action: Action = Action.RELAY
    has_body: bool = True  # a JSON body of the dialect, whose fields the relay reads
    has_socket: bool = False  # can be upgraded to a WebSocket, whose messages are calls of this surface

    def names_objects(self, call: Call) -> bool:
        """Tell whether a call may be about an object that its vendor stores, or name one."""
        return self.name == EXTRA or DIALECTS[self.dialect].names_objects(call)


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
    *(
        Surface(
            "responses",
            methods,
            f"/v1/responses{below}",
            summary,
            dialect="openai_responses",
            family=Family.OPENAI,
            action=action,
            has_body=action is Action.RELAY,
            has_socket=not below,
        )
        for methods, below, summary, action in (
            (("POST",), "", "OpenAI Responses, streamed or not, over HTTP or a WebSocket", Action.RELAY),
            (("POST",), "/compact", "Sum up a conversation into one sealed item", Action.RELAY),
            (("POST",), "/input_tokens", "Count the tokens of a Responses call", Action.RELAY),
            (
                ("GET", "DELETE"),
                "/{id}",
                "Read a stored response, whole or as a stream, or delete it",
                Action.STORED,
            ),
            (("GET",), "/{id}/input_items", "List what a stored response answers", Action.STORED),
            (("POST",), "/{id}/cancel", "Cancel a response that runs in the background", Action.STORED),
        )
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
    *(
        Surface(name, methods, path, summary, family=Family.NONE, action=Action.OK)
        for name, methods, path, summary in (
            ("hello", ("HEAD",), "/", "Connection warm-up of Claude Code"),
            ("api_hello", ("HEAD",), "/api/hello", "Connection warm-up of Claude Code"),
            (
                "event_logging",
                ("POST",),
                "/api/event_logging/*",
                "Client telemetry: answered here, never forwarded",
            ),
        )
    ),
    *(Surface(*row, family=Family.NONE, action=Action.PERSONAL, has_body=False) for row in PERSONAL),
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

EXTRA, EXTRA_DIALECT = "extra", "anthropic"
"""Name and dialect of the surfaces that `ANTHROPIC_EXTRA_PATHS` adds: those of objects that a vendor stores."""

UNKNOWN = Surface("unknown", (), "", "Any other path", family=Family.NONE, has_body=False)
"""Stands for paths that no row has: 401 without a token, 404 with one."""

UNKNOWN_OPENAI = replace(UNKNOWN, dialect="openai_chat")
_NAMES = b"""responses chat/ embeddings completions moderations rerank images audio batches vector_stores
uploads fine_tuning assistants threads conversations realtime videos evals edits engines graders organization/"""
OPENAI_PREFIXES = tuple(b"/v1/" + name for name in _NAMES.split())


def unknown(path: bytes, headers: Headers) -> Match:
    """Return what stands for a path that no row has; below OpenAI's own, and for its clients, errors are OpenAI's."""
    is_openai = path.startswith(OPENAI_PREFIXES) or is_openai_client(headers)
    return Match(UNKNOWN_OPENAI if is_openai else UNKNOWN, path)


def as_called(surface: Surface, headers: Headers) -> Surface:
    """Return a row of a path that both vendors have, as its caller means it: lists of models in the caller's shape.

    Stored objects are Anthropic's: an OpenAI client is told in its own words that they are not here.
    """
    if surface.action is Action.MODELS:
        return replace(surface, dialect=of_caller(headers))
    return UNKNOWN_OPENAI if is_openai_client(headers) else surface


UNMODELLED = frozenset({"models", "model"})
"""Names of the surfaces that ask for no model."""


class Table:
    """The surfaces of one configuration; finds the one that a request's method and raw path mean."""

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
        """Return the row for this request; None when no row has the path. Raises `WrongMethod`."""
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
    """Tell whether only a name is read from the path: an envelope's path, or a model's, never leaves."""
    return DIALECTS[row.dialect].envelope is not None or row.action is Action.MODELS


class WrongMethod(Exception):
    """The path is a surface's, the method is not."""

    def __init__(self, allowed: tuple[str, ...]) -> None:
        super().__init__(", ".join(allowed))
        self.allowed = allowed


def _compile(path: str) -> re.Pattern[bytes]:
    pieces = re.split(r"(\{\w+\}|\*)", path)
    return re.compile(b"".join(_PIECES.get(piece, re.escape(piece.encode())) for piece in pieces))


_PIECES = {"*": rb"[^?]*", "{model}": rb"[^/]+", "{id}": rb"[^/]+"}


def _extra(path: str) -> Surface:
    methods = ("GET", "POST", "PUT", "PATCH", "DELETE")
    text = "Passed to Anthropic as it is (`ANTHROPIC_EXTRA_PATHS`)"
    return Surface(EXTRA, methods, path, text, EXTRA_DIALECT, action=Action.OBJECTS, has_body=False)
