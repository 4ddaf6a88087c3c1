"""Read what an OpenAI upstream was sent, in either dialect."""

from __future__ import annotations

from typing import Any

Json = dict[str, Any]


def calls_and_results(request: Json) -> list[tuple[str, str, str]]:
    """Return ("call", id, ""), ("result", id, text) and ("text", "", "") in their order."""
    out: list[tuple[str, str, str]] = []
    for message in request.get("messages", ()):
        if message["role"] == "tool":
            out.append(("result", message["tool_call_id"], message["content"]))
            continue
        out += [("text", "", "")] if message.get("content") else []
        out += [("call", each["id"], "") for each in message.get("tool_calls", ())]
    for item in request.get("input", ()):
        kind = item.get("type", "message")
        if kind == "function_call":
            out.append(("call", item["call_id"], ""))
        elif kind == "function_call_output":
            out.append(("result", item["call_id"], item["output"]))
        else:
            out.append(("text", "", ""))
    return out


def texts(request: Json) -> list[str]:
    """Return every text of the conversation in order, each message's parts joined."""
    listed = request.get("messages") or request.get("input") or []
    return [_text(each.get("content")) for each in listed if each.get("content")]


def _text(content: Any) -> str:
    if isinstance(content, str):
        return content
    return "".join(part.get("text", "") for part in content)
