"""Reads what a Messages call says, for pairs that carry it to another dialect. Pure.

Every helper raises `Refused` naming the field (`messages.2.content.0.source`) for what it can't carry.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import orjson

from providers.translation.openai_upstream import refuse

ATTRIBUTION = "x-anthropic-billing-header:"
"""How Claude Code's first system block begins: accounting for Anthropic, no part of the prompt."""

NO_RESULT = "Error: no result was recorded for this call"
SEPARATOR = "\n\n"

Block = dict[str, Any]


def blocks(content: object, where: str) -> list[Block]:
    """`content` as blocks; a string is one text block, null is none."""
    if content is None:
        return []
    if isinstance(content, str):
        return [{"type": "text", "text": content}] if content else []
    if isinstance(content, list) and all(isinstance(block, dict) for block in content):
        return content
    raise refuse(f"{where}: must be a string or an array of content blocks", where)


def system_text(system: object) -> str:
    """The system prompt as one text, in order, without cache markers and attribution."""
    texts = [str(block.get("text") or "") for block in blocks(system, "system")]
    return SEPARATOR.join(text for text in texts if text and not text.startswith(ATTRIBUTION))


def messages(body: dict[str, Any]) -> Iterator[tuple[str, str, list[Block]]]:
    """(where, role, blocks) of each message. Raises for a shape that is no conversation."""
    listed = body.get("messages")
    if not isinstance(listed, list) or not listed:
        raise refuse("messages: at least one message is required", "messages")
    for position, message in enumerate(listed):
        where = f"messages.{position}"
        role = message.get("role") if isinstance(message, dict) else None
        if role not in ("user", "assistant", "system"):
            raise refuse(f"{where}.role: must be user, assistant or system", f"{where}.role")
        yield where, role, blocks(message.get("content"), f"{where}.content")
    if listed[-1].get("role") == "assistant":
        where = f"messages.{len(listed) - 1}"
        raise refuse(
            f"{where}: this upstream can't continue an assistant message; end with a user message", where
        )


def source_of(block: Block, where: str) -> Block:
    source = block.get("source")
    if not isinstance(source, dict):
        raise refuse(f"{where}.source: is required", f"{where}.source")
    return source


def refused_source(source: Block, where: str) -> Exception:
    kind = source.get("type")
    return refuse(
        f"{where}.source: a source of type {kind!r} can't be sent to this upstream", f"{where}.source"
    )


def image_url(block: Block, where: str) -> str:
    """An image's address: an https URL or a data URL."""
    source = source_of(block, where)
    if source.get("type") == "url":
        return str(source.get("url") or "")
    if source.get("type") == "base64":
        return data_url(source)
    raise refused_source(source, where)


def data_url(source: Block) -> str:
    return f"data:{source.get('media_type') or 'application/octet-stream'};base64,{source.get('data') or ''}"


def file_name(block: Block) -> str:
    title = block.get("title")
    return title if isinstance(title, str) and title else "document.pdf"


def plain_document(block: Block, where: str) -> list[Block] | None:
    """A document that is text or blocks, as blocks with its title before; None for a file."""
    source = source_of(block, where)
    if source.get("type") == "text":
        inner: list[Block] = [{"type": "text", "text": str(source.get("data") or "")}]
    elif source.get("type") == "content":
        inner = blocks(source.get("content"), f"{where}.source.content")
    else:
        return None
    heading = [str(block[name]) for name in ("title", "context") if block.get(name)]
    return [{"type": "text", "text": "\n".join(heading)}, *inner] if heading else inner


def search_result_text(block: Block) -> str:
    """A search result as text: title, source, and its passages."""
    passages = [str(part.get("text") or "") for part in blocks(block.get("content"), "content")]
    heading = [str(block[name]) for name in ("title", "source") if block.get(name)]
    return "\n".join([*heading, *passages])


_READABLE = ("title", "url", "text", "stdout", "stderr", "error_code")


def is_server_tool_block(kind: str) -> bool:
    """A call that Anthropic's side carried out, or its result."""
    return kind in ("server_tool_use", "mcp_tool_use") or (
        kind.endswith("_tool_result") and kind != "tool_result"
    )


def server_tool_text(block: Block) -> str:
    """A server tool's call or result in the history, as text that another model can read."""
    if block.get("type") in ("server_tool_use", "mcp_tool_use"):
        return f"[{block.get('name') or 'tool'} {orjson.dumps(block.get('input') or {}).decode()}]"
    found = list(_readable(block.get("content")))
    return f"[result: {'; '.join(found)}]" if found else "[no readable result]"


def _readable(value: object) -> Iterator[str]:
    if isinstance(value, list):
        for item in value:
            yield from _readable(item)
    elif isinstance(value, dict):
        yield from (
            str(value[name]) for name in _READABLE if isinstance(value.get(name), str) and value[name]
        )
        yield from _readable(value.get("content"))


def result_error_text(text: str, block: Block) -> str:
    """OpenAI has no `is_error`: the text says it."""
    if block.get("is_error") is True and not text.startswith("Error"):
        return f"Error: {text}"
    return text


def unknown_block(kind: object, where: str) -> Exception:
    return refuse(f"{where}: a block of type {kind!r} can't be sent to this upstream", where)


def schema_of(tool: Block) -> Block:
    """A tool's schema as OpenAI accepts it: an object schema always has `properties`."""
    schema = tool.get("input_schema")
    if not isinstance(schema, dict):
        return {"type": "object", "properties": {}}
    if "properties" not in schema and schema.get("type", "object") == "object":
        return {**schema, "type": "object", "properties": {}}
    return schema


def fits_strict(schema: object) -> bool:
    """Whether OpenAI's strict mode takes the schema: closed objects with every property required."""
    if isinstance(schema, list):
        return all(fits_strict(item) for item in schema)
    if not isinstance(schema, dict):
        return True
    properties = schema.get("properties")
    if isinstance(properties, dict):
        required = schema.get("required")
        is_closed = schema.get("additionalProperties") is False
        if not is_closed or not isinstance(required, list) or set(required) != set(properties):
            return False
        return all(fits_strict(item) for item in properties.values())
    if schema.get("type") == "object":
        return False
    return all(fits_strict(value) for value in schema.values() if isinstance(value, dict | list))


def client_tools(body: dict[str, Any]) -> list[Block]:
    """The tools that the client runs. Raises for one that only Anthropic can run."""
    tools = body.get("tools")
    if tools is None:
        return []
    if not isinstance(tools, list) or not all(isinstance(tool, dict) for tool in tools):
        raise refuse("tools: must be an array of tools", "tools")
    for position, tool in enumerate(tools):
        kind = tool.get("type") or "custom"
        if kind != "custom":
            where = f"tools.{position}"
            raise refuse(f"{where}: a tool of type {kind!r} is not known to this upstream", where)
        if not isinstance(tool.get("name"), str) or not tool["name"]:
            raise refuse(f"tools.{position}.name: is required", f"tools.{position}.name")
    return tools


def tools(
    body: dict[str, Any], function: Callable[[Block], Block], named: Callable[[str], Block]
) -> dict[str, Any]:
    """`tools`, `tool_choice` and `parallel_tool_calls` of the upstream, in whose form `function` writes a tool
    and `named` the choice of one."""
    offered = client_tools(body)
    if not offered:
        return {}
    out: dict[str, Any] = {"tools": [function(tool) for tool in offered]}
    choice = body.get("tool_choice")
    if choice is None:
        return out
    kind = choice.get("type") if isinstance(choice, dict) else None
    if kind == "tool":
        out["tool_choice"] = named(str(choice.get("name") or ""))
    elif kind in ("auto", "any", "none"):
        out["tool_choice"] = "required" if kind == "any" else kind
    else:
        raise refuse("tool_choice.type: must be auto, any, tool or none", "tool_choice.type")
    if choice.get("disable_parallel_tool_use") is True:
        out["parallel_tool_calls"] = False
    return out


def refuse_what_changes_the_result(body: dict[str, Any]) -> None:
    """The top-level fields that no OpenAI upstream can honour and whose loss would be felt."""
    if body.get("mcp_servers"):
        raise refuse("mcp_servers: this upstream can't call MCP servers", "mcp_servers")
    if body.get("container"):
        raise refuse("container: this upstream has no containers", "container")
    if body.get("inference_geo") not in (None, "global"):
        raise refuse("inference_geo: this upstream can't promise a region", "inference_geo")
    max_tokens = body.get("max_tokens")
    if not isinstance(max_tokens, int) or isinstance(max_tokens, bool):
        raise refuse("max_tokens: is required", "max_tokens")
    if max_tokens < 1:
        raise refuse("max_tokens: this upstream can't warm a cache without an answer", "max_tokens")


def effort(body: dict[str, Any]) -> str | None:
    """The reasoning effort asked for, in OpenAI's words; None when nothing was asked."""
    config = body.get("output_config")
    word = config.get("effort") if isinstance(config, dict) else None
    if isinstance(word, str):
        return "high" if word in ("xhigh", "max") else word
    thinking = body.get("thinking")
    if not isinstance(thinking, dict) or thinking.get("type") != "enabled":
        return None
    budget = thinking.get("budget_tokens")
    if not isinstance(budget, int):
        return None
    return "low" if budget < 4096 else "medium" if budget < 16384 else "high"


def output_schema(body: dict[str, Any]) -> Block | None:
    """The schema of `output_config.format`; None when text is wanted."""
    config = body.get("output_config")
    wanted = config.get("format") if isinstance(config, dict) else None
    if wanted is None:
        wanted = body.get("output_format")  # its older, beta spelling
    if not isinstance(wanted, dict):
        return None
    if wanted.get("type") != "json_schema" or not isinstance(wanted.get("schema"), dict):
        raise refuse("output_config.format: must be a json_schema with a schema", "output_config.format")
    schema: Block = wanted["schema"]
    return schema
