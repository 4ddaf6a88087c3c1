"""The Response object of OpenAI's Responses API: one table for all who write one, whole or inside an event.

Pure. Every key is always there; strict clients want a number where a number is meant, and null where nothing is known.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import msgspec

Object = dict[str, Any]
Read = Callable[[Any, Any], Any]
"""`(given, default)`: what the response repeats of what the request gave."""


def _text(given: Any, default: Any) -> Any:
    return given if isinstance(given, str) else default


def _number(given: Any, default: Any) -> Any:
    return given if isinstance(given, int | float) and not isinstance(given, bool) else default


def _count(given: Any, default: Any) -> Any:
    return given if isinstance(given, int) and not isinstance(given, bool) else default


def _flag(given: Any, default: Any) -> Any:
    return given if isinstance(given, bool) else default


def _members(given: Any, default: Any) -> Any:
    return {**default, **given} if isinstance(given, dict) else default


def _format(given: Any, default: Any) -> Any:
    """Return `text` with a format that has all its keys."""
    text = _members(given, default)
    format_ = text["format"]
    if not isinstance(format_, dict):
        return {**text, "format": default["format"]}
    if format_.get("type") == "json_schema":
        return {**text, "format": {"description": None, "strict": False, **format_}}
    return text


def _choice(given: Any, default: Any) -> Any:
    return given if isinstance(given, str | dict) else default


def _tools(given: Any, default: Any) -> Any:
    """Return the tools, functions with all their keys."""
    whole = {"description": None, "parameters": None, "strict": None}
    return [
        {**whole, **tool} if isinstance(tool, dict) and tool.get("type") == "function" else tool
        for tool in (given if isinstance(given, list) else default)
    ]


REPEATED: dict[str, tuple[Any, Read]] = {
    "frequency_penalty": (0.0, _number),
    "instructions": (None, _text),
    "max_output_tokens": (None, _count),
    "max_tool_calls": (None, _count),
    "metadata": ({}, _members),
    "parallel_tool_calls": (True, _flag),
    "presence_penalty": (0.0, _number),
    "previous_response_id": (None, _text),
    "prompt_cache_key": (None, _text),
    "reasoning": ({"effort": None, "summary": None}, _members),
    "safety_identifier": (None, _text),
    "store": (True, _flag),
    "temperature": (1.0, _number),
    "text": ({"format": {"type": "text"}}, _format),
    "tool_choice": ("auto", _choice),
    "tools": ([], _tools),
    "top_logprobs": (0, _count),
    "top_p": (1.0, _number),
    "truncation": ("disabled", _text),
    "user": (None, _text),
}
"""What a response repeats of its request: the API's default, and how the request's own is read."""

FIXED: Object = {
    "background": False,
    "service_tier": "default",
    "error": None,
    "incomplete_details": None,
    "completed_at": None,
    "usage": None,
}
"""What does not come from the request; whoever writes the response says more where there is more."""


def repeated(body: Mapping[str, Any]) -> Object:
    """Return the fields that a response repeats from its request, with the API's defaults."""
    found = NOTHING_REPEATED.copy()
    for name in REPEATED.keys() & body.keys():  # few of them are given
        default, read = REPEATED[name]
        found[name] = read(body[name], default)
    return found


NOTHING_REPEATED: Object = {name: default for name, (default, _) in REPEATED.items()}


class Resource(msgspec.Struct, frozen=True):
    """The fields of one response that stay the same from its first event to its last."""

    id: str
    created_at: int  # Unix seconds
    model: str  # as the caller named it
    echo: Mapping[str, Any] = msgspec.field(default_factory=lambda: NOTHING_REPEATED)

    def object(self, status: str, output: list[Any], **fields: Any) -> Object:
        """Return the response in one of its states; `fields` are those of `FIXED` that are known."""
        return {
            "id": self.id,
            "object": "response",
            "created_at": self.created_at,
            "status": status,
            "model": self.model,
            "output": output,
            **FIXED,
            **self.echo,
            **fields,
        }
