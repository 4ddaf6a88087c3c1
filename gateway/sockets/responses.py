"""The Responses API over a WebSocket: each `response.create` is one exchange, carried like a call over HTTP.

They run one after the other. The token is looked at with each, and once a second while the connection is idle: a
token that has ended ends it. A client that leaves in the middle of an answer leaves a 499, as over HTTP.
"""

from __future__ import annotations

import asyncio
import logging
import time
from collections import deque
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
from gateway.servers.websockets import GOING, Activity
from gateway.sockets.conversations import Conversations
from providers.dialects import openai_socket
from providers.dialects.openai_socket import Create
from providers.dialects.types import Refused

logger = logging.getLogger(__name__)

DONE = 1000
SWEEP_SECONDS = 1.0
MOST_WAITING = 32
"""Messages that wait for their turn; what comes beyond them is not read."""


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
        self._waiting: deque[str | bytes] = deque()
        self._has_news = asyncio.Event()
        self._has_room = asyncio.Event()
        self._has_left = asyncio.Event()
        self._closing: int | None = None
        self._opened_at = time.monotonic()

    async def run(self, receive: Receive) -> None:
        """Serve the connection until either side ends it."""
        reader = asyncio.get_running_loop().create_task(self._read(receive))
        try:
            while (text := await self._next()) is not None:
                self._activity.is_busy = True
                await self._serve(text)
                self._activity.is_busy = False
                if self._drain.is_draining:
                    self._closing = GOING
            if self._closing is not None and not self._has_left.is_set():
                await self._send({"type": "websocket.close", "code": self._closing})
        finally:
            reader.cancel()

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

    async def _read(self, receive: Receive) -> None:
        """Read ahead, so that a client's leaving is seen in the middle of an answer."""
        held = 0
        while (message := await receive())["type"] != "websocket.disconnect":
            said = message.get("text")
            text: str | bytes = message.get("bytes") or b"" if said is None else said
            self._waiting.append(text)
            self._has_news.set()
            held = sum(map(len, self._waiting))
            while self._waiting and (len(self._waiting) >= MOST_WAITING or held > self._max_bytes):
                self._has_room.clear()
                await self._has_room.wait()
                held = sum(map(len, self._waiting))
        self._has_left.set()
        self._has_news.set()

    async def _next(self) -> str | bytes | None:
        """Return the next message; None when the connection is over."""
        while not self._has_left.is_set() and self._closing is None:
            if self._waiting:
                self._has_room.set()
                return self._waiting.popleft()
            self._has_news.clear()
            await self._has_news.wait()
        return None

    async def _serve(self, text: str | bytes) -> None:
        if time.monotonic() - self._opened_at > openai_socket.LIFETIME_SECONDS:
            await self._send_text(openai_socket.lifetime_frame())
            self._closing = DONE
            return
        try:
            create = openai_socket.read_message(text)
            if create is not None:
                await self._create(create)
        except Refused as refused:
            status, failure = errors.describe(refused)
            answer = errors.render(status, failure, self._match.surface.dialect, None)
            await self._send_text(openai_socket.error_frame(answer.status, answer.headers, answer.body))

    async def _create(self, create: Create) -> None:
        """Carry one call, and remember its answer for the next."""
        conversations = self._conversations
        try:
            body, continues = conversations.body_of(create), conversations.continues(create)
        except Refused:
            conversations.forget(create)
            raise
        match, request = self._match, msgspec.structs.replace(self._handshake, continues=continues)
        if not create.is_generated:
            match = Match(replace(match.surface, action=Action.WARM_UP), match.path)
        turn = Turn(body, self._send_text, self._has_left)
        await self._relay.carry(match, request, turn.receive, turn.send)
        if turn.response is not None:
            conversations.keep(create, body, turn.response)
        else:
            conversations.forget(create)
        if not self._callers.are_known(self._handshake.headers):
            self._closing = POLICY

    async def _send_text(self, text: str) -> None:
        if not self._has_left.is_set():
            await self._send({"type": "websocket.send", "text": text})


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
