"""Read a Messages call, for pairs that carry it to another dialect.

Pure. Every helper raises `Refused` naming the field (`messages.2.content.0.source`) for what it can't carry.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import Any

from providers.dialects.types import Failure, FailureKind, Refused
from providers.translation.common.openai_upstream import refuse
from providers.translation.messages.history import compaction_text

ATTRIBUTION = "x-anthropic-billing-header:"
"""The beginning of Claude Code's first system block: accounting for Anthropic, no part of the prompt."""
_ATTRIBUTION_LINE = re.compile(rf"(?im)^[ \t]*{ATTRIBUTION}[^\r\n]*(?:\r\n|\r|\n|\Z)")

NO_RESULT = "Error: no result was recorded for this call"
SEPARATOR = "\n\n"
SUMMARY = "[Summary of the conversation so far]"

Block = dict[str, Any]


def blocks(content: object, where: str) -> list[Block]:
    """Return `content` as blocks; a string is one text block, null is none."""
    if content is None:
        return []
    if isinstance(content, str):
        return [{"type": "text", "text": content}] if content else []
    if isinstance(content, list) and all(isinstance(block, dict) for block in content):
        return content
    raise refuse(f"{where}: must be a string or an array of content blocks", where)


def without_attribution(text: str) -> str:
    """Return a text without the attribution line, wherever it stands; all else stays."""
    if ATTRIBUTION not in text.lower():
        return text
    return _ATTRIBUTION_LINE.sub("", text).lstrip("\r\n")


def system_text(system: object) -> str:
    """Return the system prompt as one text, in order, without cache markers and attribution."""
    texts = [without_attribution(str(block.get("text") or "")) for block in blocks(system, "system")]
    return SEPARATOR.join(text for text in texts if text)


@dataclass(slots=True)
class Turn:
    """Consecutive messages of one role: to Anthropic they are one turn."""

    role: str
    blocks: list[tuple[str, Block]] = field(default_factory=list)  # (where it stands, block)

    def has(self, kind: str) -> bool:
        """Return whether a block of this type is in it."""
        return any(block.get("type") == kind for _, block in self.blocks)


def turns(body: dict[str, Any]) -> list[Turn]:
    """Return the conversation by turns, from the last compaction on: what came before it counts no more.

    Raises `Refused` for a shape that is no conversation.
    """
    listed = body.get("messages")
    if not isinstance(listed, list) or not listed:
        raise refuse("messages: at least one message is required", "messages")
    out: list[Turn] = []
    for position, message in enumerate(listed):
        where = f"messages.{position}"
        role = message.get("role") if isinstance(message, dict) else None
        if role not in ("user", "assistant", "system"):
            raise refuse(f"{where}.role: must be user, assistant or system", f"{where}.role")
        found = blocks(message.get("content"), f"{where}.content")
        _add(out, role, [(f"{where}.content.{number}", block) for number, block in enumerate(found)])
    if listed[-1].get("role") == "assistant":
        where = f"messages.{len(listed) - 1}"
        raise refuse(
            f"{where}: this upstream can't continue an assistant message; end with a user message", where
        )
    return _compacted(out)


def _add(out: list[Turn], role: str, found: list[tuple[str, Block]]) -> None:
    if not out or out[-1].role != role or role == "system":
        out.append(Turn(role, found))
        return
    before = out[-1].blocks
    if role == "assistant" and before and found and _is_text(before[-1][1]) and _is_text(found[0][1]):
        where, first = found[0]
        found = [(where, {**first, "text": SEPARATOR + str(first.get("text") or "")}), *found[1:]]
    before.extend(found)


def _is_text(block: Block) -> bool:
    return block.get("type") == "text"


def _compacted(found: list[Turn]) -> list[Turn]:
    """Put a compaction's summary in the place of all that it sums up, as the vendor reads it."""
    for position in range(len(found) - 1, -1, -1):
        turn = found[position]
        for number in range(len(turn.blocks) - 1, -1, -1):
            where, block = turn.blocks[number]
            summary = compaction_text(block) if block.get("type") == "compaction" else ""
            if summary:
                out = [each for each in found[:position] if each.role == "system"]
                out.append(Turn("user", [(where, {"type": "text", "text": f"{SUMMARY}\n{summary}"})]))
                for each in (Turn(turn.role, turn.blocks[number + 1 :]), *found[position + 1 :]):
                    if each.blocks:
                        _add(out, each.role, each.blocks)
                return out
    return found


def refuse_what_changes_the_result(body: dict[str, Any]) -> None:
    """Refuse the top-level fields that no OpenAI upstream can honour and whose loss would be felt."""
    thread = body.get("thread")
    if thread is not None and not (isinstance(thread, dict) and thread.get("type") == "create"):
        message = "thread: this upstream keeps no threads; send the whole conversation"
        code = "thread_unsupported_request"
        raise Refused(Failure(FailureKind.INVALID_REQUEST, message, param="thread", code=code))
    if body.get("safeguards") is not None:
        raise refuse("safeguards: this upstream has none; go on without them", "safeguards")
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
    """Return the reasoning effort asked for, in OpenAI's words; None when nothing was asked."""
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
    """Return the schema of `output_config.format`; None when text is wanted."""
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
