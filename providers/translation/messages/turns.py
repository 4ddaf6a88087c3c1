"""Build an Anthropic conversation from another dialect's, in the order that Anthropic demands.

Pure. Turns alternate; every `tool_use` is answered in the next user turn, results first, in the order given;
ids are unique and made of allowed characters. What the history lacks is repaired: a call without a result
gets an `is_error` one, a result without a call is dropped.
"""

from __future__ import annotations

import re
from typing import Any

from providers.translation.common.tool_names import short_name

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
    """Collector of blocks in the caller's order; `messages()` gives the conversation, once."""

    def __init__(self) -> None:
        self._turns: list[_Turn] = []
        self._ids: set[str] = set()
        self._early: dict[str, Block] = {}  # results that came before their calls, by the caller's ids

    def user(self, blocks: list[Block]) -> None:
        if blocks:
            self._turn("user").blocks += blocks

    def assistant(self, blocks: list[Block]) -> None:
        if blocks:
            self._turn("assistant").blocks += blocks

    def tool_use(self, call_id: str, name: str, arguments: Any) -> None:
        """Add a tool call.

        `arguments`: anything that serialises to a JSON object.
        """
        turn = self._turn("assistant")
        upstream_id = self._unique(call_id)
        turn.calls.append((call_id, upstream_id))
        turn.blocks.append({"type": "tool_use", "id": upstream_id, "name": name, "input": arguments})

    def tool_result(self, call_id: str, result: Block) -> None:
        """Add a tool's result.

        `result`: a `tool_result` block without its id. It goes behind its call, wherever that stands; without one
        it is dropped.
        """
        for at in range(len(self._turns) - 1, -1, -1):
            waiting = [
                upstream_id for caller_id, upstream_id in self._turns[at].calls if caller_id == call_id
            ]
            if not waiting:
                continue
            results = self._answers_of(at)
            for upstream_id in waiting:  # more than one when the caller used an id twice
                if upstream_id not in results:
                    results[upstream_id] = {"type": "tool_result", "tool_use_id": upstream_id, **result}
                    return
        self._early.setdefault(call_id, result)

    def _answers_of(self, at: int) -> dict[str, Block]:
        """Return the results in the user's turn behind the turn at `at`, which is the caller's or a new one."""
        if at + 1 == len(self._turns):
            self._turns.append(_Turn("user"))
        return self._turns[at + 1].results

    def messages(self) -> list[Block]:
        self._leave_out_thoughts_alone()
        self._answer_every_call()
        if self._turns and self._turns[-1].role == "assistant":
            _strip_prefill(self._turns[-1])
        return [{"role": turn.role, "content": turn.content()} for turn in self._turns]

    def ends_in_a_loop_without_thinking(self) -> bool:
        """Return whether the tool loop in progress began with a turn whose thinking is lost.

        If so, thinking must be off for this call: Anthropic refuses to go on without the blocks.
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
        """Drop thinking that ends an assistant turn.

        A turn of nothing else goes, and the turns before and after it join.
        """
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
            for caller_id, upstream_id in turn.calls:
                if upstream_id not in following.results:
                    early = self._early.pop(caller_id, None)
                    following.results[upstream_id] = _missing(upstream_id, early)
        self._turns = turns


def _missing(upstream_id: str, result: Block | None) -> Block:
    told = {"content": NO_RESULT, "is_error": True} if result is None else result
    return {"type": "tool_result", "tool_use_id": upstream_id, **told}


def _strip_prefill(turn: _Turn) -> None:
    """Strip the white space at the end of a last assistant turn.

    It is the beginning of the answer, and Anthropic refuses white space there.
    """
    last = turn.blocks[-1]
    if last["type"] == "text":
        last["text"] = last["text"].rstrip()
