"""Pipes on both event loops: whole, ended when closed, and their descriptor closed once."""

from __future__ import annotations

import asyncio
import os
from collections.abc import Awaitable, Callable

import pytest
import uvloop

from providers.cli.pipes import Pipe

LOOPS = (asyncio.new_event_loop, uvloop.new_event_loop)


@pytest.fixture(params=LOOPS, ids=["asyncio", "uvloop"])
def run(request: pytest.FixtureRequest) -> Callable[[Awaitable[None]], None]:
    def run(work: Awaitable[None]) -> None:
        with asyncio.Runner(loop_factory=request.param) as runner:
            runner.run(work)  # type: ignore[arg-type]

    return run


def opened() -> tuple[Pipe, int, int]:
    """Return a pipe, the number of its descriptor, and the end that is written to."""
    reading, writing = os.pipe()
    return Pipe(os.fdopen(reading, "rb", buffering=0)), reading, writing


def test_what_is_written_is_read_until_the_end(run) -> None:
    async def work() -> None:
        pipe, _, writing = opened()
        asyncio.get_running_loop().call_later(0.01, os.write, writing, b"late")
        assert await pipe.read(99) == b"late"
        os.write(writing, b"abc")
        assert [await pipe.read(2), await pipe.read(2)] == [b"ab", b"c"]
        os.close(writing)
        assert [await pipe.read(9), await pipe.read(9)] == [b"", b""]
        pipe.close()

    run(work())


def test_closing_ends_whoever_waits_and_may_be_done_twice(run) -> None:
    async def work() -> None:
        pipe, _, writing = opened()
        reader = asyncio.create_task(pipe.read(9))
        await asyncio.sleep(0)
        pipe.close()
        pipe.close()
        assert await reader == b""
        os.close(writing)

    run(work())


def test_a_reader_that_is_cancelled_lets_another_read(run) -> None:
    async def work() -> None:
        pipe, _, writing = opened()
        with pytest.raises(TimeoutError):
            async with asyncio.timeout(0.01):
                await pipe.read(9)
        os.write(writing, b"x")
        assert await pipe.read(9) == b"x"
        pipe.close()
        os.close(writing)

    run(work())


@pytest.mark.parametrize("is_waiting", [True, False])
def test_its_number_is_closed_once_for_the_next_owner_keeps_it(run, is_waiting: bool) -> None:
    async def work() -> None:
        pipe, number, writing = opened()
        reader = asyncio.create_task(pipe.read(9)) if is_waiting else None
        await asyncio.sleep(0)
        pipe.close()
        null = os.open(os.devnull, os.O_RDONLY)
        assert null == number, "the number is free at once"
        for _ in range(5):
            await asyncio.sleep(0)
        assert reader is None or await reader == b""
        del pipe
        os.fstat(null)
        os.close(null)
        os.close(writing)

    run(work())
