"""Write a neutral draft as the body of a Messages call that the model behind it accepts.

Pure. Both OpenAI surfaces fill a `Draft`; what a model refuses (sampling, kinds of thinking) is left out
here, because the caller's own vendor would have accepted or ignored it.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass, field
from typing import Any

import orjson
from msgspec.structs import replace

from providers.dialects.anthropic import VERSION, VERSION_WITHOUT_SAMPLING
from providers.dialects.envelopes import COUNT_TOKENS
from providers.dialects.types import Call, Target, WireRequest
from providers.translation.common.media import refused
from providers.translation.messages.cache_marks import Block, limit_marks, mark_automatically
from providers.translation.messages.claude import Traits, traits
from providers.translation.messages.strictness import limit_strict
from providers.translation.messages.turns import Turns

_MIN_BUDGET = 1024
_BUDGETS = {"minimal": 1024, "low": 2048, "medium": 8192, "high": 20_000, "xhigh": 32_000, "max": 32_000}
OPENING = "(The conversation begins with the assistant's message.)"
"""Stands for a user's turn before an assistant's."""
JSON_ONLY = "Reply with one JSON object and nothing else."


@dataclass(slots=True)
class Draft:
    """One call, in Anthropic's blocks, before the model's own limits are applied."""

    model: str
    turns: Turns = field(default_factory=Turns)
    system: list[Block] = field(default_factory=list)  # text blocks
    system_starts: list[int] = field(default_factory=list)  # where each system message begins among them
    left_out: list[str] = field(default_factory=list)  # what no other vendor can run: the answer tells of it
    tools: list[Block] = field(default_factory=list)
    tool_choice: Block | None = None
    is_parallel: bool = True  # False: at most one tool call in an answer
    max_tokens: int | None = None
    temperature: float | None = None
    top_p: float | None = None
    stop: list[str] = field(default_factory=list)
    messages_param: str = "messages"  # what the caller's dialect calls them
    effort: str | None = None  # OpenAI's words; "none" = do not think
    effort_param: str = "reasoning_effort"  # what the caller's dialect calls it
    wants_summary: bool = False  # of the thinking
    schema: Any = None  # JSON schema that the answer must follow
    user: str | None = None
    stream: bool = False
    automatic_mark: Block | None = None  # cache mark for a caller who set none

    def add_system(self, blocks: list[Block]) -> None:
        """Add a system message."""
        if blocks:
            self.system_starts.append(len(self.system))
            self.system += blocks


def wire_request(call: Call, draft: Draft, target: Target) -> WireRequest:
    """Return the call as the vendor gets it.

    Betas and version are the client's own when it sent them.
    """
    version = VERSION
    betas: list[tuple[bytes, bytes]] = []
    for name, value in call.headers:
        if name == b"anthropic-beta":
            betas.append((name, value))
        elif name == b"anthropic-version":
            version = value or VERSION
    headers: list[tuple[bytes, bytes]] = [
        (b"content-type", b"application/json"),
        (b"accept", b"text/event-stream" if draft.stream else b"application/json"),
        (b"accept-encoding", b"identity"),
        (b"anthropic-version", version),
        *betas,
    ]
    body = orjson.dumps(_body(draft, target, version))
    return WireRequest("POST", b"/v1/messages", b"", tuple(headers), body)


_COUNTED = ("model", "system", "messages", "tools", "tool_choice", "thinking")


def counting(made: WireRequest) -> WireRequest:
    """Return the question how many input tokens a call has, for the call itself."""
    body = orjson.loads(made.body)
    kept = {name: body[name] for name in _COUNTED if name in body}
    return replace(made, path=COUNT_TOKENS, body=orjson.dumps(kept))


def _body(draft: Draft, target: Target, version: bytes) -> dict[str, Any]:
    kind = traits(draft.model)
    messages = _begun_by_user(draft)
    if draft.automatic_mark is not None:
        mark_automatically(draft.tools, draft.system, messages, draft.automatic_mark)
    limit_marks(draft.tools, draft.system, messages)
    if draft.tools:
        limit_strict(draft.tools, draft.schema)
    ceiling, thinking, output_config = _thinking(draft, target, kind)
    body: dict[str, Any] = {"model": draft.model, "max_tokens": ceiling}
    if draft.system:
        body["system"] = _joined(draft.system)
    body["messages"] = messages
    if draft.tools:
        body["tools"] = draft.tools
        choice = _tool_choice(draft)
        if choice is not None:
            body["tool_choice"] = choice
    if thinking is not None:
        body["thinking"] = thinking
    if output_config:
        body["output_config"] = output_config
    body |= _sampling(draft, target, kind, version, thinking)
    if draft.stop:
        body["stop_sequences"] = draft.stop
    if draft.user:
        body["metadata"] = {
            "user_id": hashlib.sha256(draft.user.encode("utf-8", "surrogatepass")).hexdigest()
        }
    if draft.stream:
        body["stream"] = True
    return body


def _begun_by_user(draft: Draft) -> list[Block]:
    """Return the conversation with a user's turn first, as Anthropic wants it; OpenAI takes it without.

    With nothing but system messages the last of them is what the model is to answer. Raises `Refused` for nothing.
    """
    messages = draft.turns.messages()
    if not messages and draft.system_starts:
        start = draft.system_starts.pop()
        asked = draft.system[start:]
        del draft.system[start:]
        return [{"role": "user", "content": asked}]
    if not messages:
        raise refused("at least one message is required", draft.messages_param)
    if messages[0]["role"] != "user":
        messages.insert(0, {"role": "user", "content": OPENING})
    return messages


def _joined(system: list[Block]) -> str | list[Block]:
    """Return one string while there is nothing but text; blocks when a mark must stay in its place."""
    if any(len(block) > 2 for block in system):
        return system
    return "\n\n".join(block["text"] for block in system)


def _tool_choice(draft: Draft) -> Block | None:
    choice = draft.tool_choice
    if draft.is_parallel or (choice is not None and choice["type"] == "none"):
        return choice
    return {**(choice or {"type": "auto"}), "disable_parallel_tool_use": True}


def _thinking(draft: Draft, target: Target, kind: Traits) -> tuple[int, Block | None, Block]:
    """Return `(max_tokens, thinking, output_config)`."""
    ceiling = draft.max_tokens or target.max_output_tokens or kind.safe_output
    if target.max_output_tokens is not None:
        ceiling = min(ceiling, target.max_output_tokens)
    config: Block = {}
    if draft.schema is not None:
        config["format"] = {"type": "json_schema", "schema": draft.schema}
    effort = draft.effort or ("medium" if draft.wants_summary else None)
    if effort is None:
        return ceiling, None, config
    may_think = not _is_forced(draft) and not draft.turns.ends_in_a_loop_without_thinking()
    if effort == "none":
        can_say_so = kind.has_adaptive_thinking and kind.can_stop_thinking
        return ceiling, {"type": "disabled"} if can_say_so else None, config
    if kind.has_adaptive_thinking:
        config["effort"] = _effort(effort, kind)
        return ceiling, _adaptive(draft) if may_think else None, config
    if not (kind.has_budget_thinking and may_think):
        return ceiling, None, config
    if effort not in _BUDGETS:
        raise refused(f"the reasoning effort {effort!r} is not known", draft.effort_param)
    return *_budget(draft, target, ceiling, _BUDGETS[effort]), config


def _is_forced(draft: Draft) -> bool:
    return (
        bool(draft.tools) and draft.tool_choice is not None and draft.tool_choice["type"] in ("any", "tool")
    )


def _adaptive(draft: Draft) -> Block:
    return {"type": "adaptive", "display": "summarized"} if draft.wants_summary else {"type": "adaptive"}


def _effort(effort: str, kind: Traits) -> str:
    if effort == "minimal":
        return "low"
    if effort in ("xhigh", "max") and not kind.has_top_efforts:
        return "high"
    return effort  # a word that we do not know is the upstream's to judge


def _budget(draft: Draft, target: Target, ceiling: int, budget: int) -> tuple[int, Block | None]:
    if draft.max_tokens is None and target.max_output_tokens is None:
        ceiling += budget  # the default is for the answer alone
    budget = min(budget, ceiling * 3 // 4)  # the answer keeps a quarter
    if budget < _MIN_BUDGET:
        return ceiling, None
    return ceiling, {"type": "enabled", "budget_tokens": budget}


def _sampling(
    draft: Draft, target: Target, kind: Traits, version: bytes, thinking: Block | None
) -> dict[str, float]:
    refuses = target.refuses_sampling
    if refuses is None:
        refuses = kind.refuses_sampling or version >= VERSION_WITHOUT_SAMPLING
    if refuses:
        return {}
    is_thinking = thinking is not None and thinking["type"] != "disabled"
    out: dict[str, float] = {}
    if draft.temperature is not None and not is_thinking:
        out["temperature"] = min(draft.temperature, 1)
    is_barred = (kind.is_one_sampling and out) or (is_thinking and (draft.top_p or 0) < 0.95)
    if draft.top_p is not None and not is_barred:
        out["top_p"] = draft.top_p
    return out
