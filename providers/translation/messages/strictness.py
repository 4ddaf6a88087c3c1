"""Keep strict tools within what Anthropic compiles in one request.

Pure. The vendor takes 20 strict tools, 24 optional parameters and 16 parameters of several types in all of them and the
answer's schema together, and refuses a call beyond. OpenAI has no such limits: so beyond them tools are offered as
they are, and no longer strict.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

Schema = dict[str, Any]

MAX_TOOLS, MAX_OPTIONAL, MAX_UNIONS = 20, 24, 16
MAX_DEPTH = 32


@dataclass(slots=True)
class _Weight:
    """What a schema takes of the limits."""

    optional: int = 0
    unions: int = 0

    def weigh(self, schema: Any, depth: int = 0) -> None:
        if isinstance(schema, list):
            for each in schema:
                self.weigh(each, depth + 1)
        if not isinstance(schema, dict) or depth > MAX_DEPTH:
            return
        properties = schema.get("properties")
        if isinstance(properties, dict):
            required = schema.get("required")
            self.optional += len(set(properties) - set(required if isinstance(required, list) else ()))
        self.unions += "anyOf" in schema or isinstance(schema.get("type"), list)
        for value in schema.values():
            if isinstance(value, dict | list):
                self.weigh(value, depth + 1)


def limit_strict(tools: list[Schema], answer: Any) -> None:
    """Take `strict` from the tools, in place, that go beyond the limits; those that come first keep it."""
    used = _Weight()
    used.weigh(answer)
    count = 0
    for tool in tools:
        if tool.get("strict") is not True:
            continue
        own = _Weight()
        own.weigh(tool.get("input_schema"))
        if (
            count >= MAX_TOOLS
            or used.optional + own.optional > MAX_OPTIONAL
            or used.unions + own.unions > MAX_UNIONS
        ):
            del tool["strict"]
            continue
        count += 1
        used.optional += own.optional
        used.unions += own.unions
