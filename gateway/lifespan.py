"""ASGI's lifespan for the data plane."""

from __future__ import annotations

import logging

from gateway.runtime import Runtime
from gateway.wire import Receive, Scope, Send

logger = logging.getLogger(__name__)


class Lifespan:
    """ASGI's lifespan: starts the road before the first request, and flushes after the last."""

    def __init__(self, of: Runtime) -> None:
        self._runtime = of

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        while True:
            message = await receive()
            if message["type"] == "lifespan.startup":
                try:
                    await self._runtime.start(scope.get("state", {}).get("run_directory", ""))
                except Exception as exc:
                    logger.exception("The data plane could not start")
                    await send({"type": "lifespan.startup.failed", "message": str(exc)})
                    return
                await send({"type": "lifespan.startup.complete"})
            elif message["type"] == "lifespan.shutdown":
                await self._runtime.aclose()
                await send({"type": "lifespan.shutdown.complete"})
                return
