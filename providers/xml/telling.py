"""Tell a Chat request's tools, calls and results as text. Pure."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import orjson

from providers.dialects.mending import UNREADABLE, tolerant
from providers.xml.parser import CLOSE, OPEN

Json = dict[str, Any]

RESPONSE_OPEN, RESPONSE_CLOSE = "<tool_response>", "</tool_response>"
TOLD_FIELDS = ("tools", "tool_choice", "parallel_tool_calls")
INTRODUCTION = f"""You can call tools. Each line below describes one, as JSON.
<tools>
{{tools}}
</tools>
To call one, write this and nothing after it but further calls:
{OPEN}{{"name": "the tool's name", "arguments": {{its arguments, by the schema}}}}{CLOSE}
The results follow in {RESPONSE_OPEN}, in the order of the calls."""
MUST = "Call at least one tool now."
MUST_ONE = "Call the tool {name} now."
ONE_AT_A_TIME = "Write one call at a time."


@dataclass(frozen=True, slots=True)
class Told:
    """A request without tools, and the names that an answer may call."""

    body: bytes
    names: frozenset[str]


def told(body: bytes) -> Told | None:
    """Return the request told as text; None: it has neither tools nor calls."""
    try:
        document = tolerant(orjson.loads, body)
    except UNREADABLE:
        return None
    messages = document.get("messages") if isinstance(document, dict) else None
    if not isinstance(messages, list):
        return None
    tools = [
        one["function"] for one in _listed(document.get("tools")) if isinstance(one.get("function"), dict)
    ]
    if not tools and not any(_is_of_tools(one) for one in messages):
        return None
    out = {name: value for name, value in document.items() if name not in TOLD_FIELDS}
    out["messages"] = list(_messages(messages))
    if document.get("tool_choice") == "none":
        tools = []
    if tools:
        out["messages"] = _with_system(out["messages"], _introduction(document, tools))
    names = frozenset(tool["name"] for tool in tools if isinstance(tool.get("name"), str))
    return Told(orjson.dumps(out), names)


def _introduction(document: Json, tools: list[Json]) -> str:
    shown = [
        {name: tool[name] for name in ("name", "description", "parameters") if name in tool} for tool in tools
    ]
    lines = [INTRODUCTION.replace("{tools}", "\n".join(orjson.dumps(tool).decode() for tool in shown))]
    choice = document.get("tool_choice")
    if choice == "required":
        lines.append(MUST)
    elif isinstance(choice, dict) and isinstance(choice.get("function"), dict):
        lines.append(MUST_ONE.replace("{name}", str(choice["function"].get("name"))))
    if document.get("parallel_tool_calls") is False:
        lines.append(ONE_AT_A_TIME)
    return "\n".join(lines)


def _with_system(messages: list[Any], text: str) -> list[Any]:
    """Add a text to the first system message, which may have to be made."""
    first = messages[0] if messages and isinstance(messages[0], dict) else {}
    if first.get("role") not in ("system", "developer"):
        return [{"role": "system", "content": text}, *messages]
    content = first.get("content")
    if isinstance(content, list):
        content = [*content, {"type": "text", "text": text}]
    else:
        content = f"{content}\n\n{text}" if content else text
    return [{**first, "content": content}, *messages[1:]]


def _is_of_tools(message: Any) -> bool:
    return isinstance(message, dict) and (message.get("role") == "tool" or bool(message.get("tool_calls")))


def _messages(messages: list[Any]) -> Iterator[Any]:
    """Yield the messages, calls and results as text; results of one turn in the order of its calls."""
    order: list[str] = []
    results: list[Json] = []
    for message in messages:
        if isinstance(message, dict) and message.get("role") == "tool":
            results.append(message)
            continue
        yield from _results(results, order)
        results = []
        calls = _listed(message.get("tool_calls")) if isinstance(message, dict) else []
        if calls:
            order = [str(call.get("id")) for call in calls]
            message = _as_text(message, calls)
        yield message
    yield from _results(results, order)


def _as_text(message: Json, calls: list[Json]) -> Json:
    texts = [text for text in _texts(message.get("content")) if text]
    texts += [f"{OPEN}{_call(call)}{CLOSE}" for call in calls]
    kept = {name: value for name, value in message.items() if name != "tool_calls"}
    return {**kept, "content": "\n".join(texts)}


def _call(call: Json) -> str:
    function = call.get("function")
    function = function if isinstance(function, dict) else {}
    given = function.get("arguments")
    try:
        arguments = (
            tolerant(orjson.loads, given.encode()) if isinstance(given, str) and given else given or {}
        )
    except (*UNREADABLE, UnicodeEncodeError):
        arguments = {"arguments": given}
    return orjson.dumps({"name": function.get("name"), "arguments": arguments}).decode()


def _results(results: list[Json], order: list[str]) -> Iterator[Json]:
    if not results:
        return
    places = {own: place for place, own in enumerate(order)}
    results = sorted(results, key=lambda one: places.get(str(one.get("tool_call_id")), len(places)))
    texts, others = [], []
    for one in results:
        texts.append(f"{RESPONSE_OPEN}\n{chr(10).join(_texts(one.get('content')))}\n{RESPONSE_CLOSE}")
        others += [part for part in _listed(one.get("content")) if part.get("type") != "text"]
    text = "\n".join(texts)
    yield {"role": "user", "content": [{"type": "text", "text": text}, *others] if others else text}


def _texts(content: Any) -> list[str]:
    if isinstance(content, str):
        return [content]
    found = [part.get("text") for part in _listed(content) if part.get("type") == "text"]
    return [text for text in found if isinstance(text, str)]


def _listed(value: Any) -> list[Json]:
    return [one for one in value if isinstance(one, dict)] if isinstance(value, list) else []
