"""The Responses API over a WebSocket: each `response.create` is one exchange, carried like a call over HTTP.

Those of one lane (`stream_id`) run one after the other, lanes beside each other. The token is looked at with each, and
once a second while the connection is idle: a token that has ended ends it. A client that leaves in the middle of an
answer leaves a 499, as over HTTP.
"""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Callable
from dataclasses import dataclass, replace

import msgspec

from gateway.exchange.downstream import Receive, Request, Send
from gateway.exchange.surfaces import Action, Match
from gateway.exchange.turn import Turn
from gateway.exchange.upgrades import POLICY
from gateway.relay import errors
from gateway.relay.relay import Relay
from gateway.servers.drain import Drain
from gateway.servers.websockets import CRASHED, GOING, Activity
from gateway.sockets.conversations import Conversations
from gateway.sockets.lanes import Active, Lane, Steering, Waiting
from providers.dialects import openai_socket
from providers.dialects.openai_socket import Create
from providers.dialects.openai_steering import NO_SUCCESSOR, Steer, failed, in_lane
from providers.dialects.types import Failure, FailureKind, Refused

logger = logging.getLogger(__name__)

DONE = 1000
SWEEP_SECONDS = 1.0
MOST_WAITING = 32
"""Messages that wait for their turn; what comes beyond them is not read."""
MOST_LANES = 32
"""Calls that are answered beside each other."""


@dataclass(frozen=True, slots=True)
class SocketState:
    """Facts about a connection, from the server and the settings."""

    activity: Activity
    drain: Drain
    max_bytes: int  # of one message, and of all that wait


class Session:
    """One connection of one caller."""

    def __init__(
        self, relay: Relay, match: Match, handshake: Request, send: Send, state: SocketState
    ) -> None:
        self._relay = relay
        self._callers = relay.callers
        self._match = match
        self._handshake = handshake
        self._send = send
        self._activity, self._drain, self._max_bytes = state.activity, state.drain, state.max_bytes
        self._conversations = Conversations(state.max_bytes)
        self._steering = Steering()
        self._lanes: dict[str | None, Lane] = {}
        self._tasks: set[asyncio.Task[None]] = set()
        self._sending = asyncio.Lock()
        self._has_news = asyncio.Event()
        self._has_room = asyncio.Event()
        self._has_left = asyncio.Event()
        self._closing: int | None = None
        self._crash: Exception | None = None
        self._opened_at = time.monotonic()

    async def run(self, receive: Receive) -> None:
        """Serve the connection until either side ends it."""
        reader = asyncio.get_running_loop().create_task(self._read(receive))
        try:
            while self._tasks or not (self._has_left.is_set() or self._closing is not None):
                self._has_news.clear()
                await self._has_news.wait()
            if self._closing is not None and self._crash is None and not self._has_left.is_set():
                await self._send({"type": "websocket.close", "code": self._closing})
            if self._crash is not None:
                raise self._crash
        finally:
            for task in (reader, *self._tasks):
                task.cancel()
            await asyncio.gather(*self._tasks, return_exceptions=True)

    def check(self, now: float) -> None:
        """End an idle connection whose token has ended, or that has lived as long as one may."""
        if self._activity.is_busy or self._closing is not None:
            return
        if not self._callers.are_known(self._handshake.headers):
            self._close(POLICY)
        elif now - self._opened_at > openai_socket.LIFETIME_SECONDS:
            self._close(DONE)

    def _close(self, code: int) -> None:
        self._closing = code
        self._has_news.set()

    # --- what comes --------------------------------------------------------------------------------

    async def _read(self, receive: Receive) -> None:
        """Read ahead, so that steers and a client's leaving are seen in the middle of an answer."""
        while (message := await receive())["type"] != "websocket.disconnect":
            said = message.get("text")
            await self._take(message.get("bytes") or b"" if said is None else said)
            while self._is_full():
                self._has_room.clear()
                await self._has_room.wait()
        self._has_left.set()
        self._has_news.set()

    def _is_full(self) -> bool:
        held = [one.size for lane in self._lanes.values() for one in lane.items]
        return bool(held) and (len(held) >= MOST_WAITING or sum(held) > self._max_bytes)

    async def _take(self, text: str | bytes) -> None:
        """Put a message into its lane; what steers a response goes to it at once."""
        try:
            message = openai_socket.read_message(text)
        except Refused as refused:
            self._queue(None, Waiting(refused, len(text)))
            return
        if isinstance(message, Steer):
            await self._steer(message)
        elif message is not None:
            if message.stream_id not in self._lanes and len(self._lanes) >= MOST_LANES:
                self._queue(None, Waiting(_too_many(), len(text)))
            else:
                self._queue(message.stream_id, Waiting(message, len(text)))

    def _queue(self, name: str | None, waiting: Waiting) -> None:
        if self._closing is not None:
            return
        lane = self._lanes.get(name)
        if lane is None:
            lane = self._lanes[name] = Lane(name)
            task = asyncio.get_running_loop().create_task(self._serve_lane(lane))
            self._tasks.add(task)
            self._activity.is_busy = True
        lane.items.append(waiting)

    async def _steer(self, steer: Steer) -> None:
        name = steer.previous_response_id
        lanes = (
            lane for lane in self._lanes.values() if lane.active and lane.active.turn.response_id == name
        )
        lane = next(lanes, None)
        frame = self._steering.take(steer, None if lane is None else lane.active)
        await self._send_text(in_lane(frame, None if lane is None else lane.stream_id))

    # --- what is answered --------------------------------------------------------------------------

    async def _serve_lane(self, lane: Lane) -> None:
        """Answer the calls of a lane in order, until none waits."""
        try:
            while lane.items and self._closing is None and not self._has_left.is_set():
                waiting = lane.items.popleft()
                self._has_room.set()
                await self._serve(lane, waiting)
                if self._drain.is_draining:
                    self._closing = GOING
        except Exception as exc:  # noqa: BLE001 - `run` raises it
            self._crash, self._closing = exc, CRASHED
        finally:
            del self._lanes[lane.stream_id]
            self._has_room.set()
            self._tasks -= {task for task in (asyncio.current_task(),) if task is not None}
            self._activity.is_busy = bool(self._lanes)
            self._has_news.set()

    async def _serve(self, lane: Lane, waiting: Waiting) -> None:
        if time.monotonic() - self._opened_at > openai_socket.LIFETIME_SECONDS:
            await self._send_text(in_lane(openai_socket.lifetime_frame(), lane.stream_id))
            self._closing = DONE
            return
        try:
            if isinstance(waiting.item, Refused):
                raise waiting.item
            await self._create(lane, self._steering.taken_along(waiting.item), waiting)
        except Refused as refused:
            status, failure = errors.describe(refused)
            answer = errors.render(status, failure, self._match.surface.dialect, None)
            frame = openai_socket.error_frame(answer.status, answer.headers, answer.body)
            await self._send_text(in_lane(frame, lane.stream_id))

    async def _create(self, lane: Lane, create: Create, waiting: Waiting) -> None:
        """Carry one call, remember its answer for the next, and have what steered it gone on with."""
        conversations = self._conversations
        try:
            body, continues = conversations.body_of(create), conversations.continues(create)
        except Refused:
            conversations.forget(create)
            raise
        match, request = self._match, msgspec.structs.replace(self._handshake, continues=continues)
        if not create.is_generated:
            match = Match(replace(match.surface, action=Action.WARM_UP), match.path)

        async def send_event(text: str) -> None:
            await self._send_text(in_lane(active.counted(text), lane.stream_id))

        turn = Turn(body, send_event, self._has_left)
        lane.active = active = Active(create, turn)
        try:
            await self._relay.carry(match, request, turn.receive, turn.send)
        finally:
            lane.active = None
        if turn.response is not None:
            conversations.keep(create, body, turn.response)
        else:
            conversations.forget(create)
        await self._go_on(lane, active, waiting)
        if not self._callers.are_known(self._handshake.headers):
            self._closing = POLICY

    async def _go_on(self, lane: Lane, active: Active, waiting: Waiting) -> None:
        """Give back what a successor that could not be made has carried; put this one's successor into its lane."""
        frames, successor = self._steering.ended(active)
        if active.turn.response_id is None:
            frames = [failed(one, NO_SUCCESSOR, active.number(), key) for key, one in waiting.steers]
        for frame in frames:
            await self._send_text(in_lane(frame, lane.stream_id))
        if successor is not None:
            lane.items.appendleft(successor)

    async def _send_text(self, text: str) -> None:
        async with self._sending:
            if not self._has_left.is_set():
                await self._send({"type": "websocket.send", "text": text})


def _too_many() -> Refused:
    words = f"stream_id: at most {MOST_LANES} lanes are answered at a time; wait until one has ended"
    return Refused(Failure(FailureKind.RATE_LIMIT, words, param="stream_id", retry_after_seconds=1.0))


class Sessions:
    """The open connections of one process, looked at once a second."""

    def __init__(self) -> None:
        self._open: set[Session] = set()
        self._sweep: asyncio.TimerHandle | None = None

    def __len__(self) -> int:
        return len(self._open)

    def add(self, session: Session) -> Callable[[], None]:
        """Look at it from now on; the result ends that."""
        self._open.add(session)
        if self._sweep is None:
            self._sweep = asyncio.get_running_loop().call_later(SWEEP_SECONDS, self._check)
        return lambda: self._open.discard(session)

    def _check(self) -> None:
        loop = asyncio.get_running_loop()
        self._sweep = loop.call_later(SWEEP_SECONDS, self._check) if self._open else None
        for session in tuple(self._open):
            session.check(time.monotonic())
