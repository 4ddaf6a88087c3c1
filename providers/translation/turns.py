"""Builds an Anthropic conversation from another dialect's, in the order that Anthropic demands. Pure.

Turns alternate; every `tool_use` is answered in the next user turn, results first, in the order given; ids
are unique and made of allowed characters. What the history lacks is repaired: a call without a result
gets an `is_error` one, a result without a call is dropped.
"""

from __future__ import annotations

import re
from typing import Any

from providers.translation.tool_names import short_name

Block = dict[str, Any]

THOUGHTS = ("thinking", "redacted_thinking")
NO_RESULT = "No result was recorded for this tool call."
_ALLOWED_ID = re.compile(r"[a-zA-Z0-9_-]+")
_MAX_ID = 120  # the vendor takes 128; the rest is for telling equal ones apart


class _Turn:
    __slots__ = ("blocks", "calls", "results", "role")

    def __init__(self, role: str) -> None:
        self.role = role
        self.blocks: list[Block] = []
        self.calls: list[tuple[str, str]] = []  # assistant: (the caller's id, the upstream's)
        self.results: dict[str, Block] = {}  # user: by the upstream's id

    def content(self) -> str | list[Block]:
        if not self.results and len(self.blocks) == 1:
            only = self.blocks[0]
            if only["type"] == "text" and len(only) == 2:
                text: str = only["text"]
                return text
        return [*self.results.values(), *self.blocks]


class Turns:
    """Collects blocks in the caller's order; `messages()` gives the conversation, once."""

    def __init__(self) -> None:
        self._turns: list[_Turn] = []
        self._ids: set[str] = set()

    def user(self, blocks: list[Block]) -> None:
        if blocks:
            self._turn("user").blocks += blocks

    def assistant(self, blocks: list[Block]) -> None:
        if blocks:
            self._turn("assistant").blocks += blocks

    def tool_use(self, call_id: str, name: str, arguments: Any) -> None:
        """`arguments`: anything that serialises to a JSON object."""
        turn = self._turn("assistant")
        upstream_id = self._unique(call_id)
        turn.calls.append((call_id, upstream_id))
        turn.blocks.append({"type": "tool_use", "id": upstream_id, "name": name, "input": arguments})

    def tool_result(self, call_id: str, result: Block) -> None:
        """`result`: a `tool_result` block without its id. Dropped when the call is not the turn before's."""
        calls = next((turn.calls for turn in reversed(self._turns[-2:]) if turn.role == "assistant"), ())
        wanted = [upstream_id for caller_id, upstream_id in calls if caller_id == call_id]
        if not wanted:
            return
        results = self._turn("user").results
        for upstream_id in wanted:  # more than one when the caller used an id twice
            if upstream_id not in results:
                results[upstream_id] = {"type": "tool_result", "tool_use_id": upstream_id, **result}
                return

    def messages(self) -> list[Block]:
        self._leave_out_thoughts_alone()
        self._answer_every_call()
        if self._turns and self._turns[-1].role == "assistant":
            _strip_prefill(self._turns[-1])
        return [{"role": turn.role, "content": turn.content()} for turn in self._turns]

    def ends_in_a_loop_without_thinking(self) -> bool:
        """True when the tool loop in progress began with a turn whose thinking is lost.

        Then thinking must be off for this call: Anthropic refuses to go on without the blocks.
        """
        for turn in reversed(self._turns):
            if turn.role == "user" and turn.blocks and not turn.results:
                return False
            if turn.role == "assistant":
                return bool(turn.calls) and turn.blocks[0]["type"] not in THOUGHTS
        return False

    def _turn(self, role: str) -> _Turn:
        if not self._turns or self._turns[-1].role != role:
            self._turns.append(_Turn(role))
        return self._turns[-1]

    def _unique(self, call_id: str) -> str:
        base = call_id if _ALLOWED_ID.fullmatch(call_id) and len(call_id) <= _MAX_ID else None
        base = base or short_name(call_id, _MAX_ID)
        unique = base
        count = 1
        while unique in self._ids:
            count += 1
            unique = f"{base}_{count}"
        self._ids.add(unique)
        return unique

    def _leave_out_thoughts_alone(self) -> None:
        """An assistant turn may not end in thinking; one of nothing else goes, and its neighbours join."""
        turns, self._turns = self._turns, []
        for turn in turns:
            while turn.role == "assistant" and turn.blocks and turn.blocks[-1]["type"] in THOUGHTS:
                turn.blocks.pop()
            if not turn.blocks and not turn.results:
                continue
            if self._turns and self._turns[-1].role == turn.role:
                self._turns[-1].blocks += turn.blocks
            else:
                self._turns.append(turn)

    def _answer_every_call(self) -> None:
        turns: list[_Turn] = []
        for at, turn in enumerate(self._turns):
            turns.append(turn)
            if not turn.calls:
                continue
            following = self._turns[at + 1] if at + 1 < len(self._turns) else None
            if following is None:
                following = _Turn("user")
                turns.append(following)
            for _, upstream_id in turn.calls:
                following.results.setdefault(upstream_id, _missing(upstream_id))
        self._turns = turns


def _missing(upstream_id: str) -> Block:
    return {"type": "tool_result", "tool_use_id": upstream_id, "content": NO_RESULT, "is_error": True}


def _strip_prefill(turn: _Turn) -> None:
    """A last assistant turn is the beginning of the answer: Anthropic refuses white space at its end."""
    last = turn.blocks[-1]
    if last["type"] == "text":
        last["text"] = last["text"].rstrip()
