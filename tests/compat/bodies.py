"""Take bodies apart into named parts, so that one that differs can be named alone."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterator
from typing import Any

Parts = dict[str, str]
Words = Callable[[str], str]
LARGE = 1 << 16
NAMES = {"data": ("name", "label", "id"), "accounts": ("name",)}
"""In these lists of ours things are compared by the first of their names that each has, whatever the order."""


def parts(prefix: str, raw: bytes, kind: str, words: Words) -> Parts:
    """Return a body's parts by name; `words` takes out of a text what differs from run to run."""
    if len(raw) > LARGE:
        return {prefix: f"{len(raw)} bytes"}
    if "event-stream" in kind:
        return _stream(prefix, _events(raw), words)
    if raw.startswith((b"# HELP", b"# TYPE")):
        return _metrics(prefix, raw.decode(), words)
    try:
        value = json.loads(raw)
    except ValueError:
        return {prefix: words(raw.decode("utf-8", "backslashreplace"))}
    return _leaves(prefix, value, words)


def _leaves(prefix: str, value: Any, words: Words) -> Parts:
    """Return the value's leaves by their paths; empty objects and lists are leaves."""
    if isinstance(value, dict) and value:
        found: Parts = {}
        for key, inner in value.items():
            found.update(_leaves(f"{prefix}.{words(str(key))}", inner, words))
        return found
    if isinstance(value, list) and value:
        found = {}
        for key, inner in zip(_keys(prefix, value, words), value, strict=True):
            found.update(_leaves(f"{prefix}[{key}]", inner, words))
        return found
    return {prefix: words(json.dumps(value, ensure_ascii=False))}


def _keys(prefix: str, things: list[Any], words: Words) -> list[str]:
    """Return what tells the things apart: a name where each has one, else the place."""
    for name in NAMES.get(prefix.removeprefix("body."), ()):
        told = [words(str(one.get(name))) if isinstance(one, dict) else "None" for one in things]
        if "None" not in told and not any("<" in one for one in told):
            return [f"{one}#{told[:number].count(one)}" for number, one in enumerate(told)]
    return [str(number) for number in range(len(things))]


def _metrics(prefix: str, text: str, words: Words) -> Parts:
    """Return samples by name and labels, and which families are told of."""
    lines = [line for line in text.splitlines() if line]
    told = (line.rpartition(" ") for line in lines if not line.startswith("#"))
    families = {f"{prefix} {line}": "told" for line in lines if line.startswith("#")}
    return {**families, **{f"{prefix} {name}": words(value) for name, _, value in told}}


def _events(raw: bytes) -> list[Any]:
    events: list[Any] = []
    for block in raw.replace(b"\r\n", b"\n").split(b"\n\n"):
        data = b"\n".join(line[5:].strip() for line in block.split(b"\n") if line.startswith(b"data:"))
        if data:
            try:
                events.append(json.loads(data))
            except ValueError:
                events.append(data.decode("utf-8", "backslashreplace"))
    return events


def _stream(prefix: str, events: list[Any], words: Words) -> Parts:
    objects = [event for event in events if isinstance(event, dict)]
    if any(str(event.get("type")).startswith("response.") for event in objects):
        found = dict(_responses(objects))
    elif any(event.get("object") == "chat.completion.chunk" for event in objects):
        found = dict(_chunks(objects))
    else:
        return _leaves(prefix, events, words)
    others = [event for event in events if not isinstance(event, dict)]
    found["others"] = others
    return {
        name: told
        for key, value in found.items()
        for name, told in _leaves(f"{prefix} {key}", value, words).items()
    }


def _chunks(events: list[dict[str, Any]]) -> Iterator[tuple[str, Any]]:
    """Yield what a client of Chat Completions puts together from the chunks."""
    choices = [choice for event in events for choice in event.get("choices") or []]
    deltas = [choice.get("delta") or {} for choice in choices]
    calls = [call for delta in deltas for call in delta.get("tool_calls") or []]
    for name in ("id", "model", "object"):
        yield f"{name}s", sorted({str(event[name]) for event in events if name in event})
    yield "roles", [delta["role"] for delta in deltas if delta.get("role")]
    yield "text", "".join(delta.get("content") or "" for delta in deltas)
    yield "finish", [choice["finish_reason"] for choice in choices if choice.get("finish_reason")]
    yield "places", sorted({str(call.get("index")) for call in calls})
    # By their order, not their place: which number a call has is told by `places`.
    for number, place in enumerate(dict.fromkeys(call.get("index") for call in calls)):
        of_call = [call for call in calls if call.get("index") == place]
        given = [call.get("function") or {} for call in of_call]
        yield (
            f"call {number}",
            {
                "ids": [call["id"] for call in of_call if call.get("id")],
                "names": [one["name"] for one in given if one.get("name")],
                "arguments": "".join(one.get("arguments") or "" for one in given),
            },
        )
    yield "usage", [event["usage"] for event in events if event.get("usage")]
    yield "errors", [event["error"] for event in events if "error" in event]
    known = {"id", "object", "created", "model", "choices", "usage", "error"}
    yield "more keys", sorted({key for event in events for key in event} - known)


def _responses(events: list[dict[str, Any]]) -> Iterator[tuple[str, Any]]:
    """Yield what a client of Responses puts together from the events."""
    yield "kinds", {str(event.get("type")): "told" for event in events}
    yield (
        "text",
        "".join(event["delta"] for event in events if event.get("type") == "response.output_text.delta"),
    )
    for event in events:
        if isinstance(event.get("response"), dict):
            yield re.sub(r"^response\.", "", str(event["type"])), event["response"]
    yield "errors", [event for event in events if event.get("type") == "error" or "error" in event]
