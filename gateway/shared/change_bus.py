"""Tell other processes of changes, and hear of theirs. Only a shortcut: everything is polled as well.

One channel; a message is `sender topic words`. What cannot be said while Redis is away is not said later: the
polls bring it. After a break every listener is called once, for something may have been missed.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import uuid
from collections import deque
from collections.abc import Callable, Iterable, Mapping

from redis.exceptions import RedisError

from gateway.shared.redis import Shared

logger = logging.getLogger(__name__)

CHANNEL = "router:changed"
AGAIN_SECONDS = 1.0
LISTEN_SECONDS = 5.0
MAX_WAITING = 1_000
Listener = Callable[[str], None]
"""Gets the words of the message; "" when something may have been missed. Quick, on the event loop."""


class ChangeBus:
    """Announces changes and calls listeners.

    `start` and `aclose` belong to one event loop; `announce` to any thread.
    """

    def __init__(self, shared: Shared, listeners: Mapping[str, Listener]) -> None:
        self._redis, self.health = shared.client, shared.health
        self._listeners = dict(listeners)
        self._me = uuid.uuid4().hex
        self._waiting: deque[str] = deque(maxlen=MAX_WAITING)
        self._has_waiting = asyncio.Event()
        self._loop: asyncio.AbstractEventLoop | None = None
        self._tasks: list[asyncio.Task[None]] = []

    async def start(self) -> None:
        """Start to listen and to speak. Never waits for Redis."""
        self._loop = asyncio.get_running_loop()
        self._tasks = [
            asyncio.create_task(self._listen(), name="change-bus-listener"),
            asyncio.create_task(self._speak(), name="change-bus-speaker"),
        ]

    async def aclose(self) -> None:
        self._loop = None
        await end(self._tasks)
        self._tasks = []

    def announce(self, topic: str, words: str = "") -> None:
        """Tell every other process, soon. Never waits, never raises."""
        if self._loop is not None:
            with contextlib.suppress(RuntimeError):  # the loop has ended
                self._loop.call_soon_threadsafe(self._put, f"{self._me} {topic} {words}")

    def _put(self, message: str) -> None:
        if message not in self._waiting:
            self._waiting.append(message)
        self._has_waiting.set()

    async def _speak(self) -> None:
        while True:
            await self._has_waiting.wait()
            self._has_waiting.clear()
            while self._waiting:
                message = self._waiting.popleft()
                with contextlib.suppress(RedisError, OSError):
                    await self._redis.publish(CHANNEL, message)

    async def _listen(self) -> None:
        while True:
            try:
                await self._hear()
            except (RedisError, OSError) as exc:
                self.health.down(exc)
            except Exception:
                logger.exception("change bus: unforeseen error; it goes on")
            await asyncio.sleep(AGAIN_SECONDS)

    async def _hear(self) -> None:
        async with self._redis.pubsub(ignore_subscribe_messages=True) as channel:
            await channel.subscribe(CHANNEL)
            self.health.up()
            for listener in self._listeners.values():
                listener("")
            while True:
                message = await channel.get_message(timeout=LISTEN_SECONDS)
                if message is None:
                    await channel.ping()  # raises when nobody is there any more
                elif message["type"] == "message":
                    self._take(message["data"])

    def _take(self, data: bytes | str) -> None:
        text = data.decode(errors="replace") if isinstance(data, bytes) else data
        sender, _, rest = text.partition(" ")
        topic, _, words = rest.partition(" ")
        listener = self._listeners.get(topic)
        if sender != self._me and listener is not None:
            listener(words)


async def end(tasks: Iterable[asyncio.Task[None]]) -> None:
    """Cancel until all have ended: a client that is connecting turns the first cancellation into an error."""
    running = {task for task in tasks if not task.done()}
    while running:
        for task in running:
            task.cancel()
        _, running = await asyncio.wait(running, timeout=0.1)
