"""The watchdog: pings, timeouts and leaving clients, on a real event loop with short times."""

import asyncio
import time
from collections.abc import Callable

import pytest

from gateway.exchange.downstream import Downstream, Interruption, Message
from gateway.relay.watchdog import Watchdog, WatchdogOptions


async def never() -> Message:
    return await asyncio.get_running_loop().create_future()


class Sink:
    """A server that keeps bodies, or does not take them."""

    def __init__(self) -> None:
        self.bodies: list[bytes] = []
        self.is_stuck = False
        self.came = asyncio.Event()

    async def send(self, message: Message) -> None:
        if self.is_stuck:
            await asyncio.Event().wait()
        if message["type"] == "http.response.body":
            self.bodies.append(message["body"])
            self.came.set()


async def interrupted(
    options: WatchdogOptions,
    prepare: Callable[[Downstream, Sink], None],
    is_over: Callable[[], bool] = lambda: False,
) -> Interruption | None:
    """Return the watchdog's reason to end an exchange that waits for ever."""
    watchdog, sink = Watchdog(options, is_over), Sink()
    downstream = Downstream(never, sink.send, time.monotonic(), None)
    watchdog.add(downstream)
    prepare(downstream, sink)
    try:
        if sink.is_stuck:
            await downstream.write(b"x", time.monotonic())
        else:
            await asyncio.Event().wait()
    except asyncio.CancelledError:
        return downstream.acknowledge()
    finally:
        downstream.close()
        watchdog.discard(downstream)
    return None


def waiting(downstream: Downstream, _: Sink) -> None:
    downstream.waiting_since = time.monotonic()


def relaying(downstream: Downstream, _: Sink) -> None:
    downstream.is_relaying = True


def stuck(_: Downstream, sink: Sink) -> None:
    sink.is_stuck = True


@pytest.mark.parametrize(
    ("options", "prepare", "why"),
    [
        (WatchdogOptions(0, 0.05, 0, 0), waiting, Interruption.FIRST_BYTE),
        (WatchdogOptions(0, 0, 0.05, 0), relaying, Interruption.IDLE),
        (WatchdogOptions(0, 0, 0, 0.05), stuck, Interruption.CLIENT_STUCK),
    ],
)
async def test_what_lasts_too_long_is_interrupted(
    options: WatchdogOptions, prepare: Callable[[Downstream, Sink], None], why: Interruption
) -> None:
    assert await asyncio.wait_for(interrupted(options, prepare), 5) is why


async def test_the_end_of_the_drain_interrupts_everything() -> None:
    why = await asyncio.wait_for(interrupted(WatchdogOptions(), relaying, lambda: True), 5)
    assert why is Interruption.DRAIN


async def test_silence_is_filled_with_pings_between_events() -> None:
    watchdog, sink = Watchdog(WatchdogOptions(0.02, 0, 0, 0)), Sink()
    downstream = Downstream(never, sink.send, time.monotonic(), None)
    inside = [True]
    downstream.keepalive = lambda: b"" if inside[0] else b"ping"
    watchdog.add(downstream)
    beats = time.monotonic() + 0.1
    while time.monotonic() < beats:  # inside an event nothing may be said
        await asyncio.sleep(0.01)
    assert sink.bodies == []
    inside[0] = False
    await asyncio.wait_for(sink.came.wait(), 5)
    watchdog.discard(downstream)
    assert set(sink.bodies) == {b"ping"}


async def test_without_exchanges_the_pulse_stands_still() -> None:
    watchdog = Watchdog(WatchdogOptions(0.02))
    downstream = Downstream(never, Sink().send, time.monotonic(), None)
    watchdog.add(downstream)
    watchdog.discard(downstream)
    await asyncio.sleep(0.05)
    assert not watchdog.is_awake


def test_the_beat_is_fine_enough_for_the_shortest_time() -> None:
    assert WatchdogOptions().interval_seconds == 0.25
    assert WatchdogOptions(ping_seconds=0.2).interval_seconds == pytest.approx(0.05)
    assert WatchdogOptions(0, 0, 0, 0).interval_seconds == 0.25
