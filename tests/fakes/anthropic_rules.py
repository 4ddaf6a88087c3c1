"""What Anthropic's API refuses in a body that is otherwise whole: what a translation could get wrong."""

from __future__ import annotations

import base64
import re
from typing import Any

SIGNATURE = "EqQBCgIYAhIkFakeSignatureOfTheVendor=="
"""Under every thinking block of this vendor."""

FIELDS = frozenset(
    [
        "cache_control",
        "container",
        "context_management",
        "fallbacks",
        "inference_geo",
        "max_tokens",
        "mcp_servers",
        "messages",
        "metadata",
        "model",
        "output_config",
        "output_format",
        "safeguards",
        "service_tier",
        "speed",
        "stop_sequences",
        "stream",
        "system",
        "tags",
        "temperature",
        "thinking",
        "tool_choice",
        "tools",
        "top_k",
        "top_p",
        "user_profile_id",
    ]
)
TOOL_NAME = re.compile(r"[a-zA-Z0-9_-]{1,128}")
CALL_ID = re.compile(r"[a-zA-Z0-9_-]+")
MAX_CACHE_MARKS = 4
SAMPLING = ("temperature", "top_p", "top_k")
IMAGES = {b"\x89PNG": "image/png", b"\xff\xd8\xff": "image/jpeg", b"GIF8": "image/gif"}

Body = dict[str, Any]


def broken_rule(body: Body) -> str | None:
    """The vendor's words for the first rule that is broken; None when all is well."""
    return _fields(body) or _tools(body) or _messages(body["messages"]) or _marks(body)


def _fields(body: Body) -> str | None:
    for name in body:
        if name not in FIELDS:
            return f"{name}: Extra inputs are not permitted"
    if not isinstance(body["max_tokens"], int) or body["max_tokens"] < 1:
        return "max_tokens: Input should be a valid integer"
    if "-5-" in body["model"] and any(name in body for name in SAMPLING):
        return f"sampling parameters are not supported by {body['model']}"
    if "-5-" in body["model"] and (body.get("thinking") or {}).get("type") == "enabled":
        return "thinking.type: budgets are not supported by this model"
    return None


def _tools(body: Body) -> str | None:
    names = [tool["name"] for tool in body.get("tools") or []]
    for number, name in enumerate(names):
        if not TOOL_NAME.fullmatch(name):
            return f"tools.{number}.name: String should match pattern"
    if len(set(names)) != len(names):
        return "tools: Tool names must be unique."
    if body.get("tool_choice") and not names:
        return "tool_choice: tools are required"
    return None


def _messages(messages: list[Body]) -> str | None:
    if not messages:
        return "messages: at least one message is required"
    open_calls: list[str] = []
    for number, message in enumerate(messages):
        if message["role"] not in ("user", "assistant", "system"):
            return f"messages.{number}.role: Input should be 'user' or 'assistant'"
        content = message["content"]
        blocks = [{"type": "text", "text": content}] if isinstance(content, str) else content
        results = [block["tool_use_id"] for block in blocks if block["type"] == "tool_result"]
        if message["role"] == "user":
            if sorted(results) != sorted(open_calls):
                return (
                    f"messages.{number}: `tool_use` ids {open_calls} and `tool_result` ids {results} differ"
                )
            if results and any(block["type"] != "tool_result" for block in blocks[: len(results)]):
                return f"messages.{number}: tool_result blocks must come first"
            open_calls = []
        for at, block in enumerate(blocks):
            if wrong := _block(block):
                return f"messages.{number}.content.{at}: {wrong}"
            if block["type"] == "tool_use":
                open_calls.append(block["id"])
    return f"messages: unanswered tool_use ids {open_calls}" if open_calls else None


def _block(block: Body) -> str | None:
    kind = block["type"]
    if kind == "text" and not block["text"].strip():
        return "text content blocks must contain non-whitespace text"
    if kind == "thinking" and block["signature"] != SIGNATURE:
        return "Invalid `signature` in `thinking` block"
    if kind == "tool_use" and not (CALL_ID.fullmatch(block["id"]) and isinstance(block["input"], dict)):
        return "tool_use: a valid id and an object as input are required"
    if kind == "image" and block["source"]["type"] == "base64":
        data = base64.b64decode(block["source"]["data"], validate=True)
        found = next((name for mark, name in IMAGES.items() if data.startswith(mark)), "nothing known")
        if found != block["source"]["media_type"]:
            return f"the image is {found}, not {block['source']['media_type']}"
    return None


def _marks(body: Body) -> str | None:
    def count(value: Any) -> int:
        if isinstance(value, dict):
            return int("cache_control" in value) + sum(count(inner) for inner in value.values())
        return sum(count(inner) for inner in value) if isinstance(value, list) else 0

    found = count([body.get(name) for name in ("tools", "system", "messages")])
    return (
        f"A maximum of 4 blocks with cache_control may be provided. Found {found}."
        if found > MAX_CACHE_MARKS
        else None
    )
