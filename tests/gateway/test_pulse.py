"""The pulse: pings, timeouts and leaving clients, on a real event loop with short times."""

import asyncio
import time
from collections.abc import Callable

import pytest

from gateway.pulse import Pulse, PulseOptions
from gateway.wire import Interruption, Message, Wire


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
    options: PulseOptions, prepare: Callable[[Wire, Sink], None], is_over: Callable[[], bool] = lambda: False
) -> Interruption | None:
    """How the pulse ends an exchange that waits for ever."""
    pulse, sink = Pulse(options, is_over), Sink()
    wire = Wire(never, sink.send, time.monotonic(), None)
    pulse.add(wire)
    prepare(wire, sink)
    try:
        if sink.is_stuck:
            await wire.write(b"x", time.monotonic())
        else:
            await asyncio.Event().wait()
    except asyncio.CancelledError:
        return wire.acknowledge()
    finally:
        wire.close()
        pulse.discard(wire)
    return None


def waiting(wire: Wire, _: Sink) -> None:
    wire.waiting_since = time.monotonic()


def relaying(wire: Wire, _: Sink) -> None:
    wire.is_relaying = True


def stuck(_: Wire, sink: Sink) -> None:
    sink.is_stuck = True


@pytest.mark.parametrize(
    ("options", "prepare", "why"),
    [
        (PulseOptions(0, 0.05, 0, 0), waiting, Interruption.FIRST_BYTE),
        (PulseOptions(0, 0, 0.05, 0), relaying, Interruption.IDLE),
        (PulseOptions(0, 0, 0, 0.05), stuck, Interruption.CLIENT_STUCK),
    ],
)
async def test_what_lasts_too_long_is_interrupted(
    options: PulseOptions, prepare: Callable[[Wire, Sink], None], why: Interruption
) -> None:
    assert await asyncio.wait_for(interrupted(options, prepare), 5) is why


async def test_the_end_of_the_drain_interrupts_everything() -> None:
    why = await asyncio.wait_for(interrupted(PulseOptions(), relaying, lambda: True), 5)
    assert why is Interruption.DRAIN


async def test_silence_is_filled_with_pings_between_events() -> None:
    pulse, sink = Pulse(PulseOptions(0.02, 0, 0, 0)), Sink()
    wire = Wire(never, sink.send, time.monotonic(), None)
    inside = [True]
    wire.keepalive = lambda: b"" if inside[0] else b"ping"
    pulse.add(wire)
    beats = time.monotonic() + 0.1
    while time.monotonic() < beats:  # inside an event nothing may be said
        await asyncio.sleep(0.01)
    assert sink.bodies == []
    inside[0] = False
    await asyncio.wait_for(sink.came.wait(), 5)
    pulse.discard(wire)
    assert set(sink.bodies) == {b"ping"}


async def test_without_exchanges_the_pulse_stands_still() -> None:
    pulse = Pulse(PulseOptions(0.02))
    wire = Wire(never, Sink().send, time.monotonic(), None)
    pulse.add(wire)
    pulse.discard(wire)
    await asyncio.sleep(0.05)
    assert pulse._handle is None


def test_the_beat_is_fine_enough_for_the_shortest_time() -> None:
    assert PulseOptions().interval_seconds == 0.25
    assert PulseOptions(ping_seconds=0.2).interval_seconds == pytest.approx(0.05)
    assert PulseOptions(0, 0, 0, 0).interval_seconds == 0.25
