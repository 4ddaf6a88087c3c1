"""Read calls on the Chat surface that are written in another API's form, as Cursor and its kin send them.

Pure. Anthropic's tools (`input_schema`), blocks (`tool_use`, `tool_result`, `image` with a source) and choices, flat
functions, and whole Responses bodies (`input`, `instructions`) become what Chat Completions calls them; everything else
stays as it is. The answer is Chat's.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import orjson

Object = dict[str, Any]


def as_chat(body: Object) -> Object:
    """Return the body in Chat's own form; the same object when it has it already."""
    out = dict(body)
    if "messages" not in body and "input" in body:
        out = _from_responses(out)
    if isinstance(out.get("system"), str | list) and "messages" in out:
        system = out.pop("system")
        out["messages"] = [{"role": "system", "content": system}, *_listed(out["messages"])]
    if any(isinstance(each, dict) for each in _listed(out.get("tools"))):
        out["tools"] = [_tool(each) for each in out["tools"]]
    if isinstance(out.get("tool_choice"), dict):
        out["tool_choice"] = _choice(out["tool_choice"])
    if isinstance(out.get("messages"), list):
        out["messages"] = _behind([told for each in out["messages"] for told in _messages(each)])
    return body if out == body else out


def _listed(value: Any) -> list[Any]:
    return value if isinstance(value, list) else []


# --- tools ----------------------------------------------------------------------------------------------


def _tool(tool: Any) -> Any:
    """Return a function in Chat's form, also from a flat one or Anthropic's."""
    if not isinstance(tool, dict) or isinstance(tool.get("function"), dict):
        return tool
    kind = tool.get("type")
    name = tool.get("name")
    if not isinstance(name, str):
        return tool
    if kind == "custom" and not isinstance(tool.get("custom"), dict) and "input_schema" not in tool:
        inner = {key: tool[key] for key in ("name", "description", "format") if key in tool}
        return {"type": "custom", "custom": inner}
    if kind not in (None, "function", "custom") or (kind == "custom" and "input_schema" not in tool):
        return tool
    inner = {key: tool[key] for key in ("name", "description", "parameters", "strict") if key in tool}
    if "parameters" not in inner and "input_schema" in tool:
        inner["parameters"] = tool["input_schema"]
    mark = {"cache_control": tool["cache_control"]} if "cache_control" in tool else {}
    return {"type": "function", "function": inner, **mark}


def _choice(choice: Object) -> Any:
    kind, name = choice.get("type"), choice.get("name")
    if kind == "tool" or (kind == "function" and "function" not in choice and isinstance(name, str)):
        return {"type": "function", "function": {"name": name}}
    return {"any": "required", "auto": "auto", "none": "none"}.get(str(kind), choice)


# --- messages -------------------------------------------------------------------------------------------


def _messages(message: Any) -> list[Any]:
    """Return one message as Chat has it: calls beside the content, each result a message of its own."""
    content = message.get("content") if isinstance(message, dict) else None
    if not isinstance(content, list):
        return [message]
    calls = [_call(part) for part in content if _kind(part) == "tool_use"]
    results = [part for part in content if _kind(part) == "tool_result"]
    thoughts = [part for part in content if _kind(part) in ("thinking", "redacted_thinking")]
    parts = [_part(part) for part in content if _kind(part) not in _MOVED]
    if not (calls or results or thoughts or parts != content):
        return [message]
    out = [_result(each) for each in results]
    if parts or calls or not results:
        rest = {**message, "content": parts or None}
        if calls:
            rest["tool_calls"] = [*_listed(message.get("tool_calls")), *calls]
        out.append(rest)
    return out


_MOVED = frozenset(("tool_use", "tool_result", "thinking", "redacted_thinking"))


def _kind(part: Any) -> str | None:
    kind = part.get("type") if isinstance(part, dict) else None
    return kind if isinstance(kind, str) else None


def _call(part: Object) -> Object:
    arguments = orjson.dumps(part.get("input") or {}).decode()
    function = {"name": part.get("name"), "arguments": arguments}
    return {"id": part.get("id"), "type": "function", "function": function}


_BEHIND = "behind the results"
"""Key of what a result shows beside its text, until it has its place: a `tool` message is text alone."""
ERROR = "Error: "


def _result(block: Object) -> Object:
    """Return a result as a `tool` message."""
    content = block.get("content")
    parts = [_part(part) for part in content] if isinstance(content, list) else None
    told: Any = content or "" if parts is None else [part for part in parts if _kind(part) == "text"]
    if block.get("is_error") is True and not str(content).startswith(ERROR):
        told = ERROR + told if isinstance(told, str) else [{"type": "text", "text": ERROR.strip()}, *told]
    message = {"role": "tool", "tool_call_id": str(block.get("tool_use_id")), "content": told or ""}
    shown = [part for part in parts or () if _kind(part) != "text"]
    return {**message, _BEHIND: shown} if shown else message


def _behind(messages: list[Any]) -> list[Any]:
    """Return the messages with what results have shown in a user's turn behind all results of theirs."""
    if not any(isinstance(each, dict) and _BEHIND in each for each in messages):
        return messages
    out: list[Any] = []
    shown: list[Any] = []
    for each in messages:
        if shown and not (isinstance(each, dict) and each.get("role") == "tool"):
            out.append({"role": "user", "content": shown})
            shown = []
        if isinstance(each, dict) and _BEHIND in each:
            shown += each[_BEHIND]
            each = {name: value for name, value in each.items() if name != _BEHIND}
        out.append(each)
    return [*out, {"role": "user", "content": shown}] if shown else out


def _part(part: Any) -> Any:
    """Return a part of another API's as Chat's; a bare string and a part without a type are text."""
    if isinstance(part, str):
        return {"type": "text", "text": part}
    kind = _kind(part)
    source = part.get("source") if kind in ("image", "document") else None
    if isinstance(source, dict):
        return _file(part, source)
    if kind in ("input_text", "output_text") or (kind is None and _is_text(part)):
        return {"type": "text", "text": part.get("text") or ""}
    if kind == "input_image":
        return {"type": "image_url", "image_url": {"url": part.get("image_url")}}
    if kind == "input_file":
        return {
            "type": "file",
            "file": {key: part[key] for key in ("filename", "file_data", "file_id") if key in part},
        }
    return part


def _is_text(part: Any) -> bool:
    return isinstance(part, dict) and part.get("type") is None and isinstance(part.get("text"), str)


def _file(part: Object, source: Object) -> Object:
    url = source.get("url")
    if source.get("type") == "base64":
        url = f"data:{source.get('media_type')};base64,{source.get('data')}"
    if part["type"] == "image":
        return {"type": "image_url", "image_url": {"url": url}}
    if source.get("type") == "text":
        return {"type": "text", "text": str(source.get("data") or "")}
    return {"type": "file", "file": {"filename": part.get("title") or "document.pdf", "file_data": url}}


# --- a whole Responses body -----------------------------------------------------------------------------


def _from_responses(body: Object) -> Object:
    """Return a Responses body as Chat's: its items as messages, its options under Chat's names."""
    given = body.pop("input")
    messages: list[Object] = []
    instructions = body.pop("instructions", None)
    if instructions:
        messages.append({"role": "system", "content": instructions})
    for item in [{"role": "user", "content": given}] if isinstance(given, str) else _listed(given):
        _add_item(messages, item)
    out = {**body, "messages": messages}
    limit = out.pop("max_output_tokens", None)
    if limit is not None:
        out["max_completion_tokens"] = limit
    reasoning = out.pop("reasoning", None)
    if isinstance(reasoning, dict) and reasoning.get("effort"):
        out["reasoning_effort"] = reasoning["effort"]
    text = out.pop("text", None)
    if isinstance(text, dict):
        out.update(_format(text))
    for name in ("include", "store", "truncation", "previous_response_id"):
        out.pop(name, None)
    return out


def _format(text: Object) -> Object:
    format_ = text.get("format")
    out: Object = {"verbosity": text["verbosity"]} if text.get("verbosity") else {}
    if not isinstance(format_, dict) or format_.get("type") in (None, "text"):
        return out
    if format_["type"] == "json_schema":
        inner = {key: value for key, value in format_.items() if key != "type"}
        return {**out, "response_format": {"type": "json_schema", "json_schema": inner}}
    return {**out, "response_format": format_}


def _add_item(messages: list[Object], item: Any) -> None:
    kind = _kind(item) or ("message" if isinstance(item, dict) and "role" in item else None)
    reader = _ITEMS.get(str(kind))
    if reader is not None:
        reader(messages, item)
    elif kind != "reasoning":
        messages.append(item)  # what it is, its reader says


def _add_message(messages: list[Object], item: Object) -> None:
    messages.append({key: item[key] for key in ("role", "content", "name") if key in item})


def _add_call(messages: list[Object], item: Object) -> None:
    if item["type"] == "custom_tool_call":
        inner: Object = {
            "type": "custom",
            "custom": {"name": item.get("name"), "input": item.get("input") or ""},
        }
    else:
        function = {"name": item.get("name"), "arguments": item.get("arguments") or "{}"}
        inner = {"type": "function", "function": function}
    last = messages[-1] if messages else {}
    if last.get("role") != "assistant":
        last = {"role": "assistant", "content": None}
        messages.append(last)
    last.setdefault("tool_calls", []).append({"id": item.get("call_id") or item.get("id"), **inner})


def _add_output(messages: list[Object], item: Object) -> None:
    output = item.get("output")
    content = output if isinstance(output, str | list) else orjson.dumps(output).decode()
    messages.append(_result({"tool_use_id": item.get("call_id"), "content": content}))


_ITEMS: dict[str, Callable[[list[Object], Object], None]] = {
    "message": _add_message,
    "function_call": _add_call,
    "custom_tool_call": _add_call,
    "function_call_output": _add_output,
    "custom_tool_call_output": _add_output,
}
