"""What the model behind the OpenAI stand-in says: the words of the Anthropic one, in no API's form yet."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import Any

from tests.fakes.vendor import said as said_in_blocks

MODELS = ("gpt-5.6", "gpt-5.6-mini", "llama-4-70b", "text-embedding-4-small")
OUTPUT_TOKENS = 34
REASONING_TOKENS = 9


@dataclass(frozen=True)
class ToolCall:
    id: str
    name: str
    arguments: str


@dataclass(frozen=True)
class Saying:
    text: str | None = None
    reasoning: str | None = None
    calls: tuple[ToolCall, ...] = ()
    refusal: str | None = None
    status: int = 0  # not 0: this HTTP error instead
    is_overloaded: bool = False

    @property
    def finish_reason(self) -> str:
        return "tool_calls" if self.calls else "stop"

    @property
    def reasoning_tokens(self) -> int:
        return REASONING_TOKENS if self.reasoning else 0


def saying(words: str, results: list[str], schemas: dict[str, Any]) -> Saying:
    """The answer to the newest words, or to the results of tool calls."""
    verb, _, rest = words.partition(" ")
    if not results and verb == "ERROR":
        return Saying(status=int(rest))
    if not results and verb == "REFUSE":
        return Saying(refusal=rest)
    blocks = said_in_blocks(words, results, schemas)
    texts = [block["text"] for block in blocks if block["type"] == "text"]
    thoughts = [block["thinking"] for block in blocks if block["type"] == "thinking"]
    calls = [block for block in blocks if block["type"] == "tool_use"]
    return Saying(
        text="".join(texts) or None,
        reasoning="".join(thoughts) or None,
        calls=tuple(
            ToolCall(block["id"].replace("toolu", "call"), block["name"], json.dumps(block["input"]))
            for block in calls
        ),
        is_overloaded=verb == "OVERLOADED" and not results,
    )
