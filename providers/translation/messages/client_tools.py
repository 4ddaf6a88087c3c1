"""Offer a Messages caller's tools to an OpenAI upstream.

Pure. Every helper raises `Refused` naming the field for what it can't carry.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from providers.translation.common.openai_upstream import refuse
from providers.translation.common.root_schemas import object_schema
from providers.translation.messages.vendor_tools import as_function

Block = dict[str, Any]


def schema_of(tool: Block) -> Block:
    """Return a tool's schema as OpenAI accepts it: one object, which always has `properties`."""
    schema = object_schema(tool.get("input_schema"))
    return schema if "properties" in schema else {**schema, "properties": {}}


def fits_strict(schema: object) -> bool:
    """Return whether OpenAI's strict mode takes the schema: closed objects with every property required."""
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
    """Return the tools that the client runs, those of the vendor's naming with their schema.

    Raises `Refused` for one that only Anthropic can run.
    """
    tools = body.get("tools")
    if tools is None:
        return []
    if not isinstance(tools, list) or not all(isinstance(tool, dict) for tool in tools):
        raise refuse("tools: must be an array of tools", "tools")
    return [_client_tool(tool, f"tools.{position}") for position, tool in enumerate(tools)]


def _client_tool(tool: Block, where: str) -> Block:
    if (tool.get("type") or "custom") != "custom":
        known = as_function(tool)
        if known is None:
            kind = tool["type"]
            raise refuse(f"{where}: a tool of type {kind!r} is not known to this upstream", where)
        return known
    if not isinstance(tool.get("name"), str) or not tool["name"]:
        raise refuse(f"{where}.name: is required", f"{where}.name")
    return tool


def tools(
    body: dict[str, Any], function: Callable[[Block], Block], named: Callable[[str], Block]
) -> dict[str, Any]:
    """Return `tools`, `tool_choice` and `parallel_tool_calls` of the upstream.

    `function` writes a tool in the upstream's form, `named` the choice of one.
    """
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
