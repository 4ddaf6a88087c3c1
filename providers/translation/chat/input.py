"""Read a Chat Completions request into a draft of a Messages call.

Pure. The field rule is written down in `pairs/chat_over_messages.py`.
"""

from __future__ import annotations

from typing import Any

from providers.dialects.types import Call, Target
from providers.translation.chat.foreign import as_chat
from providers.translation.common import values
from providers.translation.common.media import file_block, image_block, refused
from providers.translation.common.tool_names import Tool, ToolTable
from providers.translation.messages.cache_marks import Block, mark_for, mark_from
from providers.translation.messages.openai_tools import (
    choice_word,
    custom_tool,
    function_tool,
    keep_allowed,
    set_format,
)
from providers.translation.messages.request import Draft

Object = dict[str, Any]


def read_chat(call: Call, target: Target, table: ToolTable) -> tuple[Draft, Object]:
    """Return the draft, and the body for what concerns the answer.

    Raises `Refused` naming the field.
    """
    body = as_chat(values.body_object(call.body))
    _refuse_what_changes_the_result(body)
    asked = values.needed_text(body, "model")
    draft = Draft(model=target.model or asked)
    _read_tools(body, draft, table)
    _read_messages(body, draft, table)
    _read_format(body, draft)
    draft.left_out += ["web_search_options"] if body.get("web_search_options") is not None else []
    draft.max_tokens = values.count(body, "max_completion_tokens") or values.count(body, "max_tokens")
    draft.temperature = values.number(body, "temperature")
    draft.top_p = values.number(body, "top_p")
    draft.stop = stop_sequences(body)
    draft.effort = values.text(body, "reasoning_effort")
    draft.user = values.text(body, "safety_identifier") or values.text(body, "user")
    draft.automatic_mark = automatic_mark(body)
    draft.stream = values.flag(body, "stream") is True or asks_in_query(call.query)
    return draft, body


def asks_in_query(query: bytes) -> bool:
    """Return whether the query holds `stream=true` or `stream=1`, which is `"stream": true` in the body."""
    return any(part in (b"stream=true", b"stream=1") for part in query.split(b"&"))


def stop_sequences(body: Object) -> list[str]:
    stop = body.get("stop")
    stops = [stop] if isinstance(stop, str) else stop or []
    if not isinstance(stops, list) or not all(isinstance(each, str) for each in stops):
        raise refused("stop must be a string or an array of strings", "stop")
    return [each for each in stops if each.strip()]


def automatic_mark(body: Object) -> Block | None:
    """Return the mark for a caller that names its cache: its vendor would cache by itself.

    None for another caller.
    """
    if not body.get("prompt_cache_key"):
        return None
    retention = body.get("prompt_cache_retention")
    return mark_for(None if retention in (None, "in-memory", "in_memory") else retention)


def _refuse_what_changes_the_result(body: Object) -> None:
    if body.get("n") not in (None, 1):
        raise refused("n must be 1", "n")
    if body.get("logprobs") is True:
        raise refused("logprobs are not supported", "logprobs")
    if body.get("top_logprobs"):
        raise refused("top_logprobs are not supported", "top_logprobs")
    if body.get("audio") is not None or _has_audio(body):
        raise refused("audio is not supported", "audio" if body.get("audio") is not None else "modalities")
    for name in ("functions", "function_call"):
        if body.get(name) is not None:
            raise refused(f"{name} is not supported: use tools", name)


def _has_audio(body: Object) -> bool:
    modalities = body.get("modalities")
    return isinstance(modalities, list) and "audio" in modalities


# --- tools and format ------------------------------------------------------------------------------


def _read_tools(body: Object, draft: Draft, table: ToolTable) -> None:
    for at, tool in enumerate(values.objects(body, "tools")):
        draft.tools.append(_tool(tool, f"tools.{at}.", table))
    draft.is_parallel = values.flag(body, "parallel_tool_calls") is not False
    choice = body.get("tool_choice")
    if isinstance(choice, dict) and choice.get("type") == "allowed_tools":
        allowed = values.child(choice, "allowed_tools", "tool_choice.") or {}
        names = {_name_of(tool) for tool in values.objects(allowed, "tools", "tool_choice.allowed_tools.")}
        keep_allowed(draft, {table.add(Tool(name)) for name in names if name})
        choice = allowed.get("mode")
    if isinstance(choice, dict):
        name = _name_of(choice)
        if not name:
            raise refused("tool_choice must name a tool", "tool_choice")
        draft.tool_choice = {"type": "tool", "name": table.add(Tool(name))}
    else:
        draft.tool_choice = choice_word(choice)


def _name_of(tool: Object) -> str | None:
    inner = tool.get(tool.get("type") or "function")
    name = inner.get("name") if isinstance(inner, dict) else None
    return name if isinstance(name, str) else None


def _tool(tool: Object, path: str, table: ToolTable) -> Block:
    kind = tool.get("type") or "function"
    if kind == "function":
        return function_tool(_inner(tool, "function", path), f"{path}function.", table)
    if kind == "custom":
        return custom_tool(_inner(tool, "custom", path), f"{path}custom.", table)
    raise refused(f"tools of type {kind} are not supported", f"{path}type")


def _inner(tool: Object, name: str, path: str) -> Object:
    inner = values.child(tool, name, path) or {}
    mark = mark_from(tool) or mark_from(inner)
    return inner if mark is None else {**inner, "cache_control": mark}


def _read_format(body: Object, draft: Draft) -> None:
    format_ = values.child(body, "response_format")
    if format_ is None:
        return
    inner = format_.get("json_schema")
    schema = inner.get("schema") if isinstance(inner, dict) else None
    set_format(draft, format_.get("type"), schema, "response_format")


# --- messages ---------------------------------------------------------------------------------------


def _read_messages(body: Object, draft: Draft, table: ToolTable) -> None:
    for at, message in enumerate(values.objects(body, "messages")):
        path = f"messages.{at}."
        role = message.get("role")
        if role in ("system", "developer"):
            draft.add_system(_texts(message, path))
        elif role == "user":
            blocks = _user_blocks(message, path)
            if not blocks:
                raise refused(f"messages.{at} has no content", f"{path}content")
            draft.turns.user(blocks)
        elif role == "assistant":
            _read_assistant(message, path, draft, table)
        elif role == "tool":
            _read_tool_result(message, path, draft)
        else:
            raise refused(f"messages.{at} has an unknown role", f"{path}role")


def _read_assistant(message: Object, path: str, draft: Draft, table: ToolTable) -> None:
    if message.get("function_call") is not None:
        raise refused("function_call is not supported: use tool_calls", f"{path}function_call")
    draft.turns.assistant(_texts(message, path))
    if not message.get("content") and isinstance(message.get("refusal"), str) and message["refusal"]:
        draft.turns.assistant([text_block(message["refusal"])])
    for at, tool_call in enumerate(values.objects(message, "tool_calls", path)):
        where = f"{path}tool_calls.{at}."
        is_custom = tool_call.get("type") == "custom"
        inner = values.child(tool_call, "custom" if is_custom else "function", where) or {}
        name = table.add(Tool(values.needed_text(inner, "name", where + "function."), is_custom=is_custom))
        if is_custom:
            arguments: Any = {"input": inner.get("input") or ""}
        else:
            arguments = values.json_object(inner.get("arguments"), f"{where}function.arguments")
        draft.turns.tool_use(values.needed_text(tool_call, "id", where), name, arguments)


def _read_tool_result(message: Object, path: str, draft: Draft) -> None:
    call_id = values.needed_text(message, "tool_call_id", path)
    content = message.get("content")
    if content is None or isinstance(content, str):
        result: Block = {"content": content or ""}
    else:
        result = {"content": _parts(message, path)}
    mark = mark_from(message)
    draft.turns.tool_result(call_id, result if mark is None else {**result, "cache_control": mark})


def text_block(text: str, mark: Block | None = None) -> Block:
    block: Block = {"type": "text", "text": text}
    return block if mark is None else {**block, "cache_control": mark}


def _texts(message: Object, path: str) -> list[Block]:
    """Return the text blocks of a message that can hold nothing else."""
    blocks = _user_blocks(message, path)
    for block in blocks:
        if block["type"] != "text":
            raise refused(f"only text is possible in {path}content", f"{path}content")
    return blocks


def _user_blocks(message: Object, path: str) -> list[Block]:
    content = message.get("content")
    if content is None:
        return []
    if isinstance(content, str):
        return [text_block(content, mark_from(message))] if content.strip() else []
    blocks = _parts(message, path)
    mark = mark_from(message)
    if mark is not None and blocks:
        blocks[-1].setdefault("cache_control", mark)
    return blocks


def _parts(message: Object, path: str) -> list[Block]:
    """Return content parts as blocks; empty texts are left out, for Anthropic refuses them."""
    blocks = []
    for at, part in enumerate(values.objects(message, "content", path)):
        block = _part(part, f"{path}content.{at}.")
        mark = mark_from(part)
        if block is not None:
            blocks.append(block if mark is None else {**block, "cache_control": mark})
    return blocks


def _part(part: Object, path: str) -> Block | None:
    kind = part.get("type")
    if kind in ("text", "refusal"):
        text = values.text(part, kind, path) or ""
        return text_block(text) if text.strip() else None
    if kind == "image_url":
        image = part.get("image_url")
        url = image.get("url") if isinstance(image, dict) else image
        return image_block(url, f"{path}image_url.url")
    if kind == "file":
        file = values.child(part, "file", path) or {}
        return file_block(file.get("file_data"), file.get("filename"), f"{path}file.file_data")
    if kind == "input_audio":
        raise refused("audio is not supported", f"{path}type")
    raise refused(f"content parts of type {kind} are not supported", f"{path}type")
