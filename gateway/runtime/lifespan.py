"""ASGI's lifespan for the data plane."""

from __future__ import annotations

import logging

from gateway.access import guards
from gateway.access.doorkeeper import Doorkeeper
from gateway.exchange.downstream import Receive, Scope, Send
from gateway.runtime.composition import Runtime

logger = logging.getLogger(__name__)


class Lifespan:
    """Starts the relay before the first request, and flushes after the last.

    Our servers find in the state whom to ask about a body: `whose_body`.
    """

    def __init__(self, of: Runtime) -> None:
        self._runtime = of

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        while True:
            message = await receive()
            if message["type"] == "lifespan.startup":
                state = scope.get("state", {})
                state["whose_body"] = Doorkeeper(self._runtime.composed.registry, guards.gate()).whose_body
                if "drain" in state:
                    self._runtime.follow(state["drain"])
                try:
                    await self._runtime.start(state.get("run_directory", ""))
                except Exception as exc:
                    logger.exception("The data plane could not start")
                    await send({"type": "lifespan.startup.failed", "message": str(exc)})
                    return
                await send({"type": "lifespan.startup.complete"})
            elif message["type"] == "lifespan.shutdown":
                await self._runtime.aclose()
                await send({"type": "lifespan.shutdown.complete"})
                return
