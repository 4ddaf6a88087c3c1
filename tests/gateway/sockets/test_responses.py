"""A connection's calls, with a relay of real parts over a scripted transport."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import pytest

from gateway.exchange.downstream import Request
from gateway.exchange.surfaces import SURFACES, Match
from gateway.relay.watchdog import WatchdogOptions
from gateway.servers.drain import Drain
from gateway.servers.websockets import Activity
from gateway.sockets import responses
from gateway.sockets.responses import Session, Sessions, SocketState
from providers.dialects import openai_socket
from tests.gateway.relay.building import TOKEN, Bench, bench
from tests.gateway.relay.scripted import DELTA, FINISHED, STARTED, Script, refusal, stream

SURFACE = next(row for row in SURFACES if row.name == "responses")
ASK = {"type": "response.create", "model": "claude-x", "input": "hi"}


class Connection:
    """The client's end, and what the server knows of it."""

    def __init__(self, made: Bench, token: str = TOKEN, max_bytes: int = 1 << 20) -> None:
        self.activity, self.drain = Activity(), Drain(is_ready=True)
        self.inbox: asyncio.Queue[Any] = asyncio.Queue()
        self.frames: asyncio.Queue[Any] = asyncio.Queue()
        self.closed: int | None = None
        headers = ((b"authorization", b"Bearer " + token.encode()), (b"content-type", b"application/json"))
        handshake = Request("POST", b"/v1/responses", b"", headers, "127.0.0.1")
        state = SocketState(self.activity, self.drain, max_bytes)
        self.session = Session(made.relay, Match(SURFACE, b"/v1/responses"), handshake, self._send, state)

    async def _send(self, message: Any) -> None:
        if message["type"] == "websocket.close":
            self.closed = message["code"]
        else:
            await self.frames.put(json.loads(message["text"]))

    def say(self, **fields: Any) -> None:
        self.inbox.put_nowait({"type": "websocket.receive", "text": json.dumps(fields)})

    def leave(self) -> None:
        self.inbox.put_nowait({"type": "websocket.disconnect", "code": 1000})

    async def answer(self) -> list[Any]:
        """Return the frames of one answer."""
        frames = [await self.frames.get()]
        while frames[-1]["type"] not in openai_socket_ends:
            frames.append(await self.frames.get())
        return frames

    async def ask(self, **fields: Any) -> Any:
        """Return the last frame of the answer to a call."""
        self.say(**{**ASK, **fields})
        return (await self.answer())[-1]


openai_socket_ends = ("response.completed", "response.incomplete", "response.failed", "error")


@asynccontextmanager
async def connected(made: Bench, **options: Any) -> AsyncIterator[Connection]:
    connection = Connection(made, **options)
    async with asyncio.timeout(10):
        task = asyncio.ensure_future(connection.session.run(connection.inbox.get))
        yield connection
        connection.leave()
        await task
    made.assert_nothing_stays()


def good(times: int = 1) -> list[Any]:
    return [stream(STARTED, DELTA, FINISHED) for _ in range(times)]


async def asked(made: Bench, number: int) -> Any:
    return json.loads(await made.script.requests[number].aread())


async def test_creates_are_answered_in_order_and_recorded_like_calls() -> None:
    made = bench(Script(*good(2)))
    async with connected(made) as connection:
        connection.say(**ASK)
        connection.say(**{**ASK, "input": "again"})
        first, second = await connection.answer(), await connection.answer()
    assert [frame["type"] for frame in first][:2] == ["response.created", "response.in_progress"]
    assert [frame["sequence_number"] for frame in second] == list(range(len(second)))
    assert [
        one["input_tokens"] for one in (first[-1]["response"]["usage"], second[-1]["response"]["usage"])
    ] == [3, 3]
    assert [(one.surface, one.status, one.is_stream, one.usage.output_tokens) for one in made.sink.seen] == [
        ("responses", 200, True, 5)
    ] * 2


async def test_a_response_that_is_not_stored_is_continued_on_its_connection_only() -> None:
    made = bench(Script(*good(3)))
    async with connected(made) as connection:
        first = (await connection.ask(store=False))["response"]
        second = (await connection.ask(store=False, previous_response_id=first["id"], input="more"))[
            "response"
        ]
        assert second["previous_response_id"] == first["id"]
    assert [turn["role"] for turn in (await asked(made, 1))["messages"]] == ["user", "assistant", "user"]
    async with connected(made) as other:
        error = await other.ask(store=False, previous_response_id=first["id"])
        assert (error["status"], error["error"]["code"]) == (400, "previous_response_not_found")
        assert (await other.ask())["type"] == "response.completed"


async def test_a_stored_response_is_continued_on_another_connection() -> None:
    made = bench(Script(*good(2)))
    async with connected(made) as connection:
        first = (await connection.ask())["response"]
    async with connected(made) as other:
        second = await other.ask(previous_response_id=first["id"], input="more")
    assert second["response"]["previous_response_id"] == first["id"]
    assert len((await asked(made, 1))["messages"]) == 3


async def test_a_continuation_that_fails_takes_its_beginning_along() -> None:
    made = bench(Script(*good(1)))
    lost = [{"type": "function_call_output", "call_id": "never", "output": "x"}]
    async with connected(made) as connection:
        first = (await connection.ask(store=False))["response"]
        failed = await connection.ask(store=False, previous_response_id=first["id"], input=lost)
        assert (failed["type"], failed["status"]) == ("error", 400)
        again = await connection.ask(store=False, previous_response_id=first["id"])
        assert again["error"]["code"] == "previous_response_not_found"


async def test_a_warm_up_costs_nothing_and_is_continued() -> None:
    made = bench(Script(*good(1)))
    async with connected(made) as connection:
        connection.say(**ASK, generate=False)
        frames = await connection.answer()
        assert [frame["type"] for frame in frames] == [
            "response.created", "response.in_progress", "response.completed",
        ]  # fmt: skip
        assert made.script.requests == [] and made.sink.seen[-1].attempts == 0
        name = frames[-1]["response"]["id"]
        assert (await connection.ask(previous_response_id=name, input="go"))["type"] == "response.completed"
    assert [len(turn["content"]) for turn in (await asked(made, 0))["messages"]] == [2]


async def test_what_is_refused_is_an_error_frame_and_the_connection_goes_on() -> None:
    made = bench(Script(refusal(400, "invalid_request_error", "no such thing"), *good(1)))
    async with connected(made) as connection:
        connection.inbox.put_nowait({"type": "websocket.receive", "bytes": b"no json"})
        assert (await connection.answer())[-1]["error"]["type"] == "invalid_request_error"
        error = await connection.ask()
        assert (error["status"], error["error"]["message"]) == (400, "no such thing")
        connection.say(type="response.processed", response_id="x")
        assert (await connection.ask())["type"] == "response.completed"
    assert [one.status for one in made.sink.seen] == [400, 200]


async def test_an_upstream_that_breaks_off_is_a_failed_response() -> None:
    made = bench(Script(stream(STARTED, DELTA), *good(1)))
    async with connected(made) as connection:
        assert (await connection.ask())["type"] == "response.failed"
        assert (await connection.ask())["type"] == "response.completed"


async def test_a_client_that_leaves_in_the_middle_leaves_a_499() -> None:
    never = asyncio.Event()

    async def waits() -> Any:
        await never.wait()

    made = bench(Script(waits), watchdog=WatchdogOptions(ping_seconds=0.1))
    async with connected(made) as connection:
        connection.say(**ASK)
        while not made.script.requests:
            await asyncio.sleep(0.001)
        assert connection.activity.is_busy
    assert [one.status for one in made.sink.seen] == [499]


async def test_a_token_that_ends_ends_the_connection(monkeypatch: pytest.MonkeyPatch) -> None:
    made = bench(Script(*good(2)))
    known = True
    async with connected(made) as connection:
        monkeypatch.setattr(type(made.relay.callers), "are_known", lambda self, headers: known)
        await connection.ask()
        connection.session.check(0.0)
        assert connection.closed is None
        known = False
        connection.session.check(0.0)
        while connection.closed is None:
            await asyncio.sleep(0.001)
    assert connection.closed == 1008


async def test_a_connection_lives_an_hour(monkeypatch: pytest.MonkeyPatch) -> None:
    made = bench(Script())
    monkeypatch.setattr(openai_socket, "LIFETIME_SECONDS", -1.0)
    async with connected(made) as connection:
        error = await connection.ask()
        assert error["error"]["code"] == "websocket_connection_limit_reached"
    assert connection.closed == 1000 and made.sink.seen == []
    async with connected(made) as idle:
        idle.session.check(float("inf"))
        while idle.closed is None:
            await asyncio.sleep(0.001)


async def test_while_the_server_drains_what_runs_is_the_last() -> None:
    made = bench(Script(*good(1)))
    async with connected(made) as connection:
        connection.drain.is_draining = True
        connection.say(**ASK)
        connection.say(**ASK)
        assert (await connection.answer())[-1]["type"] == "response.completed"
        while connection.closed is None:
            await asyncio.sleep(0.001)
    assert connection.closed == 1012 and len(made.sink.seen) == 1 and not connection.activity.is_busy


async def test_messages_that_wait_are_bounded() -> None:
    never = asyncio.Event()

    async def waits() -> Any:
        await never.wait()

    made = bench(Script(waits), watchdog=WatchdogOptions(ping_seconds=0.1))
    connection = Connection(made, max_bytes=1000)
    task = asyncio.ensure_future(connection.session.run(connection.inbox.get))
    for _ in range(4):
        connection.say(**ASK, more="x" * 600)
    while connection.inbox.qsize() > 1:
        await asyncio.sleep(0.001)
    await asyncio.sleep(0.01)
    assert connection.inbox.qsize() == 1  # two wait, one runs, one is not read
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task


async def test_open_sessions_are_looked_at(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(responses, "SWEEP_SECONDS", 0.001)
    made, looked = bench(Script()), asyncio.Event()
    connection, sessions = Connection(made), Sessions()
    monkeypatch.setattr(connection.session, "check", lambda now: looked.set(), raising=False)
    end = sessions.add(connection.session)
    await asyncio.wait_for(looked.wait(), 5)
    assert len(sessions) == 1
    end()
    await asyncio.sleep(0.01)
    assert len(sessions) == 0
