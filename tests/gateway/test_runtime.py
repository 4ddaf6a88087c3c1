"""What lives as long as the process: started lazily, once, closed and flushed."""

import asyncio

import pytest

from gateway.models import ExchangeRow
from gateway.runtime import NotHere, Runtime
from gateway.servers.drain import install_drain
from tests.gateway.usage.making import exchange


@pytest.mark.django_db(transaction=True)
async def test_the_road_is_built_once_however_many_ask() -> None:
    runtime = Runtime()
    assert runtime.relay_now() is None
    first, second = await asyncio.gather(runtime.relay(), runtime.relay())
    assert first is second is runtime.relay_now()
    await runtime.aclose()
    assert runtime.relay_now() is None
    assert await runtime.relay() is not first
    await runtime.aclose()


@pytest.mark.django_db(transaction=True)
def test_a_second_event_loop_is_refused_and_one_after_the_other_is_not() -> None:
    runtime = Runtime()

    async def on_another_loop() -> None:
        await runtime.relay()
        refused = await asyncio.to_thread(asyncio.run, refusal())
        assert "one event loop" in refused
        assert runtime.relay_now() is not None  # unharmed

    async def refusal() -> str:
        with pytest.raises(NotHere) as caught:
            await runtime.relay()
        return str(caught.value)

    async def again() -> None:
        await runtime.relay()  # the first loop has ended without a word
        await runtime.aclose()

    asyncio.run(on_another_loop())
    asyncio.run(again())


@pytest.mark.django_db(transaction=True)
def test_what_is_recorded_is_written_when_a_host_ends_without_lifespan() -> None:
    runtime = Runtime()

    async def record() -> None:
        relay = await runtime.relay()
        relay._house.recorder.record(exchange(token_id="left behind"))

    asyncio.run(record())
    runtime.finish()
    assert ExchangeRow.objects.filter(token_id="left behind").count() == 1
    runtime.finish()  # twice does no harm


async def test_draining_is_the_end_of_readiness_and_other_troubles_are_not() -> None:
    runtime = Runtime()
    drain = install_drain()
    assert not runtime.readiness().is_ready
    assert runtime.readiness().checks["status"] == "draining"
    drain.is_ready = True
    assert runtime.readiness().is_ready
