"""A runtime: started lazily, once, closed and flushed."""

import asyncio

import pytest
from django.conf import settings

from gateway.kernel import events
from gateway.models import ExchangeRow
from gateway.runtime.composition import WaysOut, compose
from gateway.runtime.running import NotHere
from gateway.servers.drain import Drain
from gateway.usage.recorder import Recorder, RecorderOptions
from tests.gateway.usage.making import exchange


@pytest.mark.django_db(transaction=True)
async def test_the_relay_is_built_once_however_many_ask() -> None:
    runtime = compose(settings.GATEWAY)
    assert runtime.relay_now() is None
    first, second = await asyncio.gather(runtime.relay(), runtime.relay())
    assert first is second is runtime.relay_now()
    await runtime.aclose()
    assert runtime.relay_now() is None
    assert await runtime.relay() is not first
    await runtime.aclose()


@pytest.mark.django_db(transaction=True)
async def test_events_are_lines_of_the_log_while_it_runs(caplog: pytest.LogCaptureFixture) -> None:
    runtime = compose(settings.GATEWAY)
    await runtime.relay()
    events.subscribe(ignore)  # beside the log, not in its place
    try:
        events.emit(events.BREAKER_OPEN, "provider:p")
        assert [record.subject for record in caplog.records if hasattr(record, "subject")] == ["provider:p"]
        await runtime.aclose()
        caplog.clear()
        events.emit(events.BREAKER_OPEN, "provider:p")
        assert not caplog.records
    finally:
        events.unsubscribe(ignore)


def ignore(event: events.Event) -> None:
    """Listen, and do nothing."""


@pytest.mark.django_db(transaction=True)
def test_a_second_event_loop_is_refused_and_one_after_the_other_is_not() -> None:
    runtime = compose(settings.GATEWAY)

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
    made: list[Recorder] = []

    def recorder(options: RecorderOptions) -> Recorder:
        made.append(Recorder(options))
        return made[0]

    runtime = compose(settings.GATEWAY, WaysOut(recorder=recorder))

    async def record() -> None:
        await runtime.relay()
        made[0].concluded(exchange(token_id="left behind"))

    asyncio.run(record())
    runtime.finish()
    assert ExchangeRow.objects.filter(token_id="left behind").count() == 1
    runtime.finish()  # twice does no harm


async def test_draining_is_the_end_of_readiness_and_other_troubles_are_not() -> None:
    runtime = compose(settings.GATEWAY)
    drain = Drain()
    runtime.follow(drain)
    assert not runtime.readiness().is_ready
    assert runtime.readiness().checks["status"] == "draining"
    drain.is_ready = True
    assert runtime.readiness().is_ready
