"""Changes that one process announces, the others hear at once; what Redis loses, polls bring."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable
from contextlib import asynccontextmanager

import pytest

from gateway.shared.change_bus import ChangeBus

pytestmark = pytest.mark.redis


@asynccontextmanager
async def listening(connect, **listeners: Callable[[str], None]):
    change_bus = ChangeBus(connect(), listeners)
    await change_bus.start()
    yield change_bus
    await change_bus.aclose()


async def eventually(is_it: Callable[[], object], seconds: float = 5.0) -> None:
    end = time.monotonic() + seconds
    while not is_it():
        assert time.monotonic() < end
        await asyncio.sleep(0.005)


async def test_the_others_hear_it_and_the_one_who_said_it_does_not(connect) -> None:
    heard: dict[str, list[str]] = {"a": [], "b": [], "c": []}
    async with (
        listening(connect, tokens=heard["a"].append) as one,
        listening(connect, tokens=heard["b"].append),
        listening(connect, accounts=heard["c"].append),
    ):
        await eventually(lambda: all(words == [""] for words in heard.values()))  # the first look
        await asyncio.to_thread(one.announce, "tokens", "two words")
        await eventually(lambda: heard["b"] == ["", "two words"])
        await asyncio.sleep(0.05)
    assert (heard["a"], heard["c"]) == ([""], [""])


async def test_after_a_break_everybody_looks_once(connect, server) -> None:
    heard: list[str] = []
    async with listening(connect, tokens=heard.append) as change_bus:
        await eventually(lambda: heard == [""])
        server.stop()
        change_bus.announce("tokens")  # nobody is there: no error
        await eventually(lambda: change_bus.health.is_known_away)
        server.start()
        await eventually(lambda: heard == ["", ""])
        assert not change_bus.health.is_known_away


async def test_it_starts_and_ends_without_a_server(connect, server) -> None:
    server.stop()
    began = time.monotonic()
    async with listening(connect) as change_bus:
        change_bus.announce("tokens")
    assert time.monotonic() - began < 1
    change_bus.announce("tokens")  # and after its end


async def test_noise_on_the_channel_is_no_matter(connect, server) -> None:
    heard: list[str] = []
    async with listening(connect, tokens=heard.append) as change_bus, listening(connect) as other:
        await eventually(lambda: heard == [""])
        with server.client() as client:
            for noise in (b"", b"\xff\xfe", b"x", b"x unknown words"):
                client.publish("router:changed", noise)
        other.announce("tokens", "still there")
        await eventually(lambda: heard == ["", "still there"])
        assert change_bus
