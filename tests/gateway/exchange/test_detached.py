from __future__ import annotations

import asyncio
import time
from typing import Any

from gateway.exchange.detached import Detached


async def test_it_tells_when_an_upstream_is_asked() -> None:
    told: list[float] = []

    async def receive() -> Any:
        await asyncio.Event().wait()

    async def send(message: Any) -> None:
        raise AssertionError(message)

    downstream = Detached(lambda: told.append(1.0), receive, send, time.monotonic(), None)
    assert not told and downstream.sent is None
    downstream.await_upstream(5.0, 7.0, None)
    assert told and (downstream.waiting_since, downstream.first_byte_seconds) == (5.0, 7.0)
    downstream.close()
