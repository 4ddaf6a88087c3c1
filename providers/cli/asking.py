"""Turn a call into what print mode can carry: a system text and a prompt. Pure.

What it can't carry is refused by the caller's own name for it, before any process runs. `thinking` and efforts are
left to the command line.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import orjson

from providers.dialects.mending import UNREADABLE, tolerant
from providers.dialects.types import Failure, FailureKind, Refused

Json = dict[str, Any]

REFUSED_FIELDS = (
    "tools", "tool_choice", "functions", "function_call", "temperature", "top_p", "top_k", "stop_sequences",
    "stop", "n", "thread", "mcp_servers", "container", "safeguards", "output_format", "logprobs", "top_logprobs",
)  # fmt: skip
FORMATS = (("output_config", "format"), ("response_format",), ("text", "format"))
"""Where the dialects say which form an answer must have."""
PLAIN_PARTS = frozenset(
    (
        None, "text", "input_text", "output_text", "refusal", "summary_text", "reasoning_text", "thinking",
        "redacted_thinking", "reasoning", "message", "compaction",
    )
)  # fmt: skip
TOOL_FIELDS = ("tool_calls", "function_call", "tool_call_id", "audio")
MODEL = re.compile(r"[A-Za-z0-9][\w.:@/\[\]-]{0,199}", re.ASCII)
"""A name that no command line takes for an option."""
JOINER = "\u2060"
"""Put before what a command line would take for an order: `@file` reads that file, `/word` runs a command."""
_MENTION = re.compile(r"(?<!\S)@")
INTRODUCTION = "This is a conversation so far; each turn says whose it is. Answer its last turn."


@dataclass(frozen=True, slots=True)
class Task:
    """One run of the command line."""

    model: str
    prompt: str
    system: str = ""
    max_tokens: int | None = None
    is_stream: bool = False


def check_fields(body: bytes) -> None:
    """Refuse what print mode can't carry, in whichever dialect the body is. Raises `Refused` naming the field."""
    document = _object(body)
    for name in REFUSED_FIELDS:
        value = document.get(name)
        is_absent = value is None or value is False or value == [] or value == {}
        if not is_absent and not (name == "n" and value == 1):
            raise _refused(name, f"{name}: the Claude command line can't carry it")
    for steps in FORMATS:
        form: Any = document
        for step in steps:
            form = form.get(step) if isinstance(form, dict) else None
        if form is not None and not (isinstance(form, dict) and form.get("type") in (None, "text")):
            dotted = ".".join(steps)
            raise _refused(dotted, f"{dotted}: the Claude command line can't carry it")
    for holder in ("system", "messages", "input"):
        for path, word in _foreign(document.get(holder), holder):
            raise _refused(path, f"{path}: the Claude command line can't carry {word}")


def _foreign(part: Any, path: str) -> Iterator[tuple[str, str]]:
    """Yield path and kind of each part of a conversation that is no text."""
    for number, item in enumerate(part if isinstance(part, list) else ()):
        if not isinstance(item, dict):
            continue
        own = f"{path}.{number}"
        kind = item.get("type")
        if not (kind is None or isinstance(kind, str)) or kind not in PLAIN_PARTS:
            yield own, str(kind)[:40]
        if item.get("role") in ("tool", "function"):
            yield f"{own}.role", "results of tools"
        for name in TOOL_FIELDS:
            if item.get(name):
                yield f"{own}.{name}", name
        yield from _foreign(item.get("content"), f"{own}.content")


def read_task(body: bytes) -> Task:
    """Return the task of a Messages body. Raises `Refused` naming the field."""
    document = _object(body)
    model = document.get("model")
    if not isinstance(model, str) or not model:
        raise _refused("model", "model: a string is required")
    if not MODEL.fullmatch(model):
        raise _refused("model", "model: the Claude command line can't be asked for a model of this name")
    turns = list(_turns(document.get("messages")))
    if not turns:
        raise _refused("messages", "messages: at least one message with text is required")
    if turns[-1][0] != "user":
        last = f"messages.{len(document['messages']) - 1}"
        raise _refused(last, f"{last}: the Claude command line can't go on with an answer that has begun")
    limit = document.get("max_tokens")
    return Task(
        model=model,
        prompt=_shielded(_prompt(turns)),
        system="\n\n".join(_texts(document.get("system"))),
        max_tokens=limit if isinstance(limit, int) and limit > 0 else None,
        is_stream=document.get("stream") is True,
    )


def _turns(messages: Any) -> Iterator[tuple[str, str]]:
    for message in messages if isinstance(messages, list) else ():
        if isinstance(message, dict):
            text = "\n\n".join(_texts(message.get("content")))
            if text:
                yield str(message.get("role")), text


def _texts(content: Any) -> list[str]:
    """Return the texts of a content; thinking can't be told again."""
    if isinstance(content, str):
        return [content] if content else []
    parts = content if isinstance(content, list) else ()
    found = [part.get("text") for part in parts if isinstance(part, dict)]
    return [text for text in found if isinstance(text, str) and text]


def _prompt(turns: list[tuple[str, str]]) -> str:
    if len(turns) == 1:
        return turns[0][1]
    return "\n\n".join((INTRODUCTION, *(f"[{role}]\n{text}" for role, text in turns)))


def _shielded(prompt: str) -> str:
    """Return a prompt that reads no file of this machine and runs no command of the program's."""
    shielded = _MENTION.sub(JOINER + "@", prompt)
    return JOINER + shielded if shielded.lstrip().startswith("/") else shielded


def _object(body: bytes) -> Json:
    try:
        document = tolerant(orjson.loads, body)
    except UNREADABLE:
        document = None
    if not isinstance(document, dict):
        raise Refused(Failure(FailureKind.INVALID_REQUEST, "the body must be a JSON object"))
    return document


def _refused(param: str, message: str) -> Refused:
    return Refused(Failure(FailureKind.INVALID_REQUEST, message, param=param))
