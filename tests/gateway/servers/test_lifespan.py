"""The application's hooks, alone."""

import asyncio
from typing import Any

import pytest

from gateway.servers.errors import StartError
from gateway.servers.lifespan import LifespanDriver


async def test_started_and_shut_down_with_one_state() -> None:
    seen: list[Any] = []

    async def application(scope: Any, receive: Any, send: Any) -> None:
        seen.append(scope["type"])
        seen.append((await receive())["type"])
        scope["state"]["a"] = 1
        await send({"type": "lifespan.startup.complete"})
        seen.append((await receive())["type"])
        await send({"type": "lifespan.shutdown.complete"})

    lifespan = LifespanDriver(application, {"drain": 0})
    await lifespan.startup()
    assert lifespan.state == {"drain": 0, "a": 1}
    await lifespan.shutdown()
    assert seen == ["lifespan", "lifespan.startup", "lifespan.shutdown"]


@pytest.mark.parametrize("how", ["raises", "returns"])
async def test_an_application_without_hooks_is_served(how: str) -> None:
    async def application(scope: Any, receive: Any, send: Any) -> None:
        if how == "raises":
            raise ValueError("No application configured for scope type 'lifespan'")

    lifespan = LifespanDriver(application, {})
    await asyncio.wait_for(lifespan.startup(), 1)
    await asyncio.wait_for(lifespan.shutdown(), 1)


async def test_a_failed_start_says_why() -> None:
    async def application(scope: Any, receive: Any, send: Any) -> None:
        await receive()
        await send({"type": "lifespan.startup.failed", "message": "no database"})

    with pytest.raises(StartError, match="the application did not start: no database"):
        await LifespanDriver(application, {}).startup()


async def test_an_exception_inside_the_start_is_a_failed_start() -> None:
    async def application(scope: Any, receive: Any, send: Any) -> None:
        await receive()
        raise LookupError("no table")

    with pytest.raises(StartError, match="LookupError: no table"):
        await LifespanDriver(application, {}).startup()


@pytest.mark.parametrize("how", ["raises", "fails", "is cancelled", "returns"])
async def test_a_failed_shut_down_is_logged_and_over(how: str, caplog: pytest.LogCaptureFixture) -> None:
    async def application(scope: Any, receive: Any, send: Any) -> None:
        await receive()
        await send({"type": "lifespan.startup.complete"})
        await receive()
        if how == "raises":
            raise LookupError("no flush")
        if how == "is cancelled":
            raise asyncio.CancelledError("no flush")
        if how == "fails":
            await send({"type": "lifespan.shutdown.failed", "message": "no flush"})

    lifespan = LifespanDriver(application, {})
    await lifespan.startup()
    await asyncio.wait_for(lifespan.shutdown(), 1)
    said = "CancelledError" if how == "is cancelled" else "no flush"
    assert (said in caplog.text) == (how != "returns")


async def test_an_application_that_ended_early_has_nothing_to_shut_down() -> None:
    async def application(scope: Any, receive: Any, send: Any) -> None:
        await receive()
        await send({"type": "lifespan.startup.complete"})

    lifespan = LifespanDriver(application, {})
    await lifespan.startup()
    await asyncio.sleep(0)
    await asyncio.wait_for(lifespan.shutdown(), 1)
