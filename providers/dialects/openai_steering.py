"""Steering over a WebSocket: input for a response that is being made, which its successor takes up.

Pure. `response.steer` is acknowledged by `response.steer.accepted`; what can't be taken comes back whole in
`response.steer.failed`. While a response waits for its client's tools, `response.steer.pending` names what is needed.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import msgspec
import orjson

from providers.dialects.envelopes import read_object, write_object
from providers.dialects.mending import UNREADABLE, tolerant

STEER = "response.steer"
MOST_PENDING = 16
"""Steers that wait at one response."""

NOT_FOUND, INVALID, UNSUPPORTED = "response_not_found", "invalid_input", "steering_not_supported"
TOO_MANY, COMPLETED, NOT_ACTIVE = (
    "too_many_pending_steers",
    "response_already_completed",
    "response_not_active",
)
NO_SUCCESSOR = "successor_creation_failed"
WORDS = {
    NOT_FOUND: "previous_response_id: no response of this id is on this connection",
    UNSUPPORTED: "a response that is bound to a conversation or compacts by itself can't be steered",
    TOO_MANY: f"at most {MOST_PENDING} steers wait at one response",
    COMPLETED: "the response has completed: send the input with response.create",
    NOT_ACTIVE: "the response takes no input any more",
    NO_SUCCESSOR: "the response that was to go on with the input could not be made",
}
"""What a client is told, by code."""

_FIELDS = frozenset(("type", "previous_response_id", "input"))
_MESSAGE_FIELDS = frozenset(("type", "role", "content"))
_PARTS = frozenset(("input_text", "input_image", "input_file"))
_REQUIRED = {
    "function_call": "function_call_output",
    "custom_tool_call": "custom_tool_call_output",
    "computer_call": "computer_call_output",
    "shell_call": "shell_call_output",
    "local_shell_call": "local_shell_call_output",
    "apply_patch_call": "apply_patch_call_output",
}
_STEERED_IN_VAIN = ("conversation", "context_management")


class Steer(msgspec.Struct, frozen=True):
    """One `response.steer`. `problem` "": its input can be taken."""

    previous_response_id: str
    input: Any
    problem: str = ""

    @property
    def items(self) -> list[Any]:
        """Return the input as items."""
        if isinstance(self.input, str):
            return [{"type": "message", "role": "user", "content": self.input}]
        return list(self.input)


def read(data: bytes) -> Steer:
    """Return the steer that a message is, whether its input can be taken or not."""
    try:
        fields = tolerant(orjson.loads, data)
    except UNREADABLE:
        return Steer("", None, "the message must be a JSON object")
    name, given = fields.get("previous_response_id"), fields.get("input")
    unknown = sorted(set(fields) - _FIELDS)
    problem = _problem(given)
    if unknown:
        problem = f"{unknown[0]}: response.steer takes previous_response_id and input only"
    if not isinstance(name, str) or not name:
        return Steer("", given, "previous_response_id: is required")
    return Steer(name, given, problem)


def _problem(given: Any) -> str:
    if isinstance(given, str):
        return "" if given else "input: must not be empty"
    if not isinstance(given, list) or not given:
        return "input: must be a string or a list of messages, and not empty"
    for at, item in enumerate(given):
        if (
            not isinstance(item, dict)
            or item.get("role") != "user"
            or item.get("type", "message") != "message"
        ):
            return f"input.{at}: must be a message of the user"
        if unknown := sorted(set(item) - _MESSAGE_FIELDS):
            return f"input.{at}.{unknown[0]}: is not taken here"
        content = item.get("content")
        if isinstance(content, str):
            continue
        if not isinstance(content, list) or not content:
            return f"input.{at}.content: must be a string or a list of parts"
        for number, part in enumerate(content):
            if not isinstance(part, dict) or part.get("type") not in _PARTS:
                return f"input.{at}.content.{number}: must be one of {', '.join(sorted(_PARTS))}"
    return ""


def can_be_steered(body: bytes) -> bool:
    """Tell whether a call's response takes input while it is made."""
    return all(bytes(read_object(body).get(name, b"null")) == b"null" for name in _STEERED_IN_VAIN)


def successor(body: bytes, response_id: str, steers: Sequence[Steer]) -> bytes:
    """Return the call that goes on from a response with the input of its steers: the settings stay."""
    fields = {**read_object(body), "previous_response_id": orjson.dumps(response_id)}
    return write_object({**fields, "input": orjson.dumps([item for one in steers for item in one.items])})


def with_steers(body: bytes, steers: Sequence[Steer]) -> bytes:
    """Return a call with the input of steers before its own."""
    fields = read_object(body)
    raw = bytes(fields.get("input", b"[]")).strip()
    own = orjson.loads(raw)
    if isinstance(own, str):
        own = [{"type": "message", "role": "user", "content": own}]
    if not isinstance(own, list):
        return body  # its reader says what is wrong
    return write_object(
        {**fields, "input": orjson.dumps([*(item for one in steers for item in one.items), *own])}
    )


def required_input(response: bytes) -> list[dict[str, Any]]:
    """Return stubs of the results that a response waits for: of tools that its client runs."""
    output = orjson.loads(response).get("output")
    stubs = []
    for item in output if isinstance(output, list) else ():
        kind = item.get("type")
        if kind in _REQUIRED:
            stub = {"type": _REQUIRED[kind], "call_id": item.get("call_id")}
            stubs.append({**stub, "name": item.get("name")} if kind == "function_call" else stub)
        elif kind == "mcp_approval_request":
            stubs.append({"type": "mcp_approval_response", "approval_request_id": item.get("id")})
    return stubs


def accepted(steer: Steer, steer_id: str, number: int) -> str:
    """Return the frame that says that the input is ours to carry on."""
    told = {"id": steer_id, "previous_response_id": steer.previous_response_id}
    return _frame("accepted", number, steer=told)


def pending(steer: Steer, steer_id: str, number: int, needed: list[dict[str, Any]]) -> str:
    """Return the frame that says what the input waits for."""
    told = {"id": steer_id, "previous_response_id": steer.previous_response_id}
    return _frame("pending", number, steer=told, reason="waiting_for_required_input", required_input=needed)


def failed(steer: Steer, code: str, number: int = 0, steer_id: str | None = None) -> str:
    """Return the frame that gives the input back."""
    told: dict[str, Any] = {"input": steer.input, "previous_response_id": steer.previous_response_id}
    if steer_id is not None:
        told["id"] = steer_id
    words = steer.problem if code == INVALID else WORDS[code]
    error = {"type": "invalid_request_error", "code": code, "message": words}
    return _frame("failed", number, error=error, steer=told)


def _frame(name: str, number: int, **fields: Any) -> str:
    return orjson.dumps({"type": f"{STEER}.{name}", "sequence_number": number, **fields}).decode()


def renumbered(text: str, by: int) -> str:
    """Return an event whose number is so much higher: frames of steers have been counted in between."""
    try:
        event = orjson.loads(text)
    except orjson.JSONDecodeError:
        return text
    number = event.get("sequence_number")
    if not isinstance(number, int):
        return text
    return orjson.dumps({**event, "sequence_number": number + by}).decode()


def in_lane(text: str, stream_id: str | None) -> str:
    """Return a frame with the lane that it belongs to."""
    return text if stream_id is None else f'{text[:-1]},"stream_id":{orjson.dumps(stream_id).decode()}}}'
