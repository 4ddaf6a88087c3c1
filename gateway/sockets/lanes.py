"""The calls of one connection: those of one lane one after the other, lanes beside each other.

A lane is what a call's `stream_id` names; calls without one are a lane, too. What steers a response waits here until it
has ended: then its successor goes first in its lane, or the caller's own next call takes it along.
"""

from __future__ import annotations

from collections import OrderedDict, deque
from dataclasses import dataclass, field

from gateway.exchange.turn import Turn
from gateway.telemetry.request_ids import make_id
from providers.dialects import openai_steering as steering
from providers.dialects.openai_socket import Create
from providers.dialects.openai_steering import Steer
from providers.dialects.types import Refused

REMEMBERED = 256
"""Responses of the past, of which a steer is told that they have completed."""


@dataclass(slots=True)
class Active:
    """The call that a lane carries now, and the input that has come for its response meanwhile."""

    create: Create
    turn: Turn
    steers: list[tuple[str, Steer]] = field(default_factory=list)  # with our ids
    frames: int = 0  # of the response's own numbering
    shift: int = 0  # frames about steers, that have been counted in between

    def counted(self, text: str) -> str:
        """Return an event of the response with its place among all frames."""
        self.frames += 1
        return steering.renumbered(text, self.shift) if self.shift else text

    def number(self) -> int:
        """Return the number of a frame of ours: the next."""
        number = self.frames + self.shift
        self.shift += 1
        return number


@dataclass(frozen=True, slots=True)
class Waiting:
    """A message that waits for its turn: a call, or what is wrong with it."""

    item: Create | Refused
    size: int  # bytes
    steers: tuple[tuple[str, Steer], ...] = ()  # of a successor: the input that it carries, with our ids


@dataclass(slots=True)
class Lane:
    """One lane. It lives as long as it has calls."""

    stream_id: str | None
    items: deque[Waiting] = field(default_factory=deque)
    active: Active | None = None


class Steering:
    """Remember a connection's responses, for steers."""

    def __init__(self) -> None:
        self._past: OrderedDict[str, None] = OrderedDict()
        self._waiting: dict[str, list[tuple[str, Steer]]] = {}  # for the results of tools, by response

    def take(self, steer: Steer, active: Active | None) -> str:
        """Take a steer in, or not; return the frame that answers it."""
        if steer.problem:
            return steering.failed(steer, steering.INVALID)
        if active is None:
            code = steering.COMPLETED if steer.previous_response_id in self._past else steering.NOT_FOUND
            return steering.failed(steer, code)
        if not active.create.is_generated or not steering.can_be_steered(active.create.body):
            return steering.failed(steer, steering.UNSUPPORTED, active.number())
        if len(active.steers) >= steering.MOST_PENDING:
            return steering.failed(steer, steering.TOO_MANY, active.number())
        steer_id = make_id("steer_")
        active.steers.append((steer_id, steer))
        return steering.accepted(steer, steer_id, active.number())

    def ended(self, active: Active) -> tuple[list[str], Waiting | None]:
        """Return the frames that follow a response with steers, and its successor."""
        name, response, steers = active.turn.response_id, active.turn.response, active.steers
        if name is not None:
            self._past[name] = None
            while len(self._past) > REMEMBERED:
                self._past.popitem(last=False)
        if not steers:
            return [], None
        if name is None or response is None:
            failed = [steering.failed(one, steering.NOT_ACTIVE, active.number(), key) for key, one in steers]
            return failed, None
        needed = steering.required_input(response)
        if needed:
            self._waiting[name] = steers
            return [steering.pending(one, key, active.number(), needed) for key, one in steers], None
        body = steering.successor(active.create.body, name, [one for _, one in steers])
        create = active.create
        return [], Waiting(Create(body, name, create.is_stored, True, create.stream_id), 0, tuple(steers))

    def taken_along(self, create: Create) -> Create:
        """Return a call with the input that has waited for it."""
        waiting = self._waiting.pop(create.previous_response_id or "", None)
        if waiting is None:
            return create
        body = steering.with_steers(create.body, [one for _, one in waiting])
        return Create(
            body, create.previous_response_id, create.is_stored, create.is_generated, create.stream_id
        )
