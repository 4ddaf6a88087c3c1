"""The application's start-up and shut-down hooks (the ASGI lifespan scope), driven by us on both servers."""

import asyncio
import logging
from typing import Any

from gateway.servers.errors import StartError
from gateway.servers.options import ASGIApp, Message

logger = logging.getLogger(__name__)


class LifespanDriver:
    """`state` is what the application put there at start-up; every later scope gets a copy."""

    def __init__(self, application: ASGIApp, state: dict[str, Any]) -> None:
        self.application = application
        self.state = state
        self._inbox: asyncio.Queue[Message] = asyncio.Queue()
        self._outbox: asyncio.Queue[Message] = asyncio.Queue()
        self._task: asyncio.Task[None] | None = None
        self._was_asked = False

    async def startup(self) -> None:
        """Return when the application is started or has no such hooks; raises StartError."""
        self._task = asyncio.create_task(self._run())
        answer = await self._ask("lifespan.startup")
        if answer is None:
            self._task = None
        elif answer["type"] != "lifespan.startup.complete":
            raise StartError(f"the application did not start: {answer.get('message') or answer['type']}")

    async def shutdown(self) -> None:
        """Return when the application says it is done; what goes wrong is logged."""
        if self._task is None:
            return
        answer = await self._ask("lifespan.shutdown")
        if answer is not None and answer["type"] != "lifespan.shutdown.complete":
            logger.error("the application did not shut down cleanly: %s", answer.get("message", ""))

    async def _ask(self, kind: str) -> Message | None:
        assert self._task is not None
        self._inbox.put_nowait({"type": kind})
        answer = asyncio.ensure_future(self._outbox.get())
        await asyncio.wait({answer, self._task}, return_when=asyncio.FIRST_COMPLETED)
        if answer.done():
            return answer.result()
        answer.cancel()
        return self._ended_silently(kind)

    def _ended_silently(self, kind: str) -> Message | None:
        """Return the failure of an application that raised after asking for the event; before that it has no hooks."""
        assert self._task is not None
        exception = asyncio.CancelledError() if self._task.cancelled() else self._task.exception()
        if exception is None or not self._was_asked:
            return None
        logger.error("exception in the application's lifespan", exc_info=exception)
        return {"type": f"{kind}.failed", "message": f"{type(exception).__name__}: {exception}"}

    async def _run(self) -> None:
        scope = {
            "type": "lifespan",
            "asgi": {"version": "3.0", "spec_version": "2.0"},
            "state": self.state,
        }
        await self.application(scope, self._receive, self._send)

    async def _receive(self) -> Message:
        self._was_asked = True
        return await self._inbox.get()

    async def _send(self, message: Message) -> None:
        self._outbox.put_nowait(message)
