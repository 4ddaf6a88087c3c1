"""Background responses by a relay of real parts: what other processes see, and what becomes of those that die."""

from __future__ import annotations

import asyncio
import json
import time
from collections.abc import Awaitable, Callable
from dataclasses import replace
from typing import Any

import pytest

from gateway.exchange.downstream import Message, Request
from gateway.exchange.stored_responses import ALIVE
from gateway.exchange.surfaces import SURFACES, Match
from gateway.relay import background
from gateway.relay.relay import Relay
from providers.translation.responses import stored_items
from tests.gateway.relay.building import TOKEN, Bench, bench
from tests.gateway.relay.scripted import DELTA, FINISHED, STARTED, Body, Script, answer, refusal, stream
from tests.wire.feeding import parsed

ROWS = {row.path: row for row in SURFACES if row.name == "responses"}


@pytest.fixture(autouse=True)
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(background, "BEAT_SECONDS", 0.005)
    monkeypatch.setattr(background, "SIGN_SECONDS", 0.005)


class Client:
    """Somebody who calls one process; `relay` is that of another one with the same store."""

    def __init__(self, made: Bench, relay: Relay | None = None) -> None:
        self.made, self.relay = made, relay or made.relay

    async def ask(self, method: str, name: str = "", below: str = "", query: bytes = b"", **body: Any) -> Any:
        row = ROWS["/v1/responses" + ("/{id}" if name else "") + below]
        path = b"/v1/responses" + (f"/{name}{below}".encode() if name else b"")
        headers = ((b"authorization", b"Bearer " + TOKEN.encode()), (b"content-type", b"application/json"))
        sent: list[Message] = []
        waiting = [
            {"type": "http.request", "body": json.dumps(body).encode() if body else b"", "more_body": False}
        ]

        async def receive() -> Message:
            if waiting:
                return waiting.pop()
            await asyncio.Event().wait()
            raise AssertionError

        async def send(message: Message) -> None:
            sent.append(message)

        request = Request(method, path, query, headers, "127.0.0.1")
        await self.relay.carry(Match(row, path), request, receive, send)
        data = b"".join(one.get("body", b"") for one in sent if one["type"] == "http.response.body")
        assert sent[0]["type"] == "http.response.start"
        if query:
            return [event for _, event in parsed(data)]
        return sent[0]["status"], json.loads(data)

    async def create(self, **fields: Any) -> Any:
        status, told = await self.ask("POST", model="claude-x", input="hi", background=True, **fields)
        assert status == 200, told
        return told

    async def until(self, name: str, *statuses: str) -> Any:
        async with asyncio.timeout(20):
            while True:
                status, found = await self.ask("GET", name)
                assert status == 200, found
                if found["status"] in statuses:
                    return found
                await asyncio.sleep(0.005)


def held() -> tuple[Callable[[], Awaitable[Any]], asyncio.Event, Any]:
    """Return an upstream's answer that stops in its middle, what lets it go on, and its body."""
    gate = asyncio.Event()
    answer = stream(STARTED, DELTA, FINISHED)
    body = answer.stream
    assert isinstance(body, Body)
    chunks = body.chunks

    class Waiting(Body):
        async def __aiter__(self) -> Any:
            yield chunks[0]
            await gate.wait()
            for chunk in chunks[1:]:
                yield chunk

    answer.stream = Waiting(chunks)

    async def step() -> Any:
        return answer

    return step, gate, answer.stream


def neighbour(made: Bench) -> Client:
    """Return a caller of another process that shares the store of responses."""
    other = bench(Script())
    return Client(made, Relay(replace(other.deps, responses=made.deps.responses)))


async def test_another_process_reads_follows_and_cancels_it() -> None:
    step, _, body = held()
    made = bench(Script(step))
    here, there = Client(made), neighbour(made)
    name = (await here.create())["id"]
    assert (await there.until(name, "in_progress"))["background"] is True
    following = asyncio.ensure_future(there.ask("GET", name, query=b"stream=true"))
    status, told = await there.ask("POST", name, "/cancel")
    assert (status, told["status"]) == (200, "cancelled")
    events = await asyncio.wait_for(following, 20)
    assert events[-1]["response"]["status"] == "cancelled"
    async with asyncio.timeout(20):
        while made.relay.backgrounds.is_running():
            await asyncio.sleep(0.005)
    assert body.is_closed and [one.status for one in made.sink.seen if one.attempts] == [499]
    assert (await here.until(name, "cancelled"))["id"] == name
    made.assert_nothing_stays()


async def test_another_process_deletes_it() -> None:
    step, _, _ = held()
    made = bench(Script(step))
    here, there = Client(made), neighbour(made)
    name = (await here.create())["id"]
    await there.until(name, "in_progress")
    assert (await there.ask("DELETE", name))[1]["deleted"] is True
    async with asyncio.timeout(20):
        while made.relay.backgrounds.is_running():
            await asyncio.sleep(0.005)
    for client in (here, there):
        assert (await client.ask("GET", name))[0] == 404


@pytest.mark.parametrize("age", [None, 3600])
async def test_of_a_process_that_has_died_it_is_failed(age: int | None) -> None:
    """As the store looks when nobody could say goodbye."""
    sign = "" if age is None else str(time.time() - age)
    made, name = bench(Script()), "resp_bg_1"
    response = {"id": name, "object": "response", "status": "in_progress", "background": True, "output": []}
    record = stored_items.record(b'{"input":"hi"}', json.dumps(response).encode())
    await made.deps.responses.put("caller", name, record)
    if sign:
        await made.deps.responses.sign("caller", name, ALIVE, sign)
    client = Client(made)
    found = await client.until(name, "failed")
    assert found["error"]["code"] == "server_error" and "has ended before" in found["error"]["message"]
    assert (await client.ask("GET", name, query=b"stream=true"))[-1]["type"] == "response.failed"
    assert (await client.ask("POST", name, "/cancel"))[1]["status"] == "failed"


async def test_closing_ends_what_runs() -> None:
    step, _, body = held()
    made = bench(Script(step))
    client = Client(made)
    name = (await client.create())["id"]
    await client.until(name, "in_progress")
    await made.relay.aclose()
    assert not made.relay.backgrounds.is_running() and body.is_closed
    assert (await client.until(name, "failed"))["error"]["message"]


async def test_the_call_s_row_is_the_run_s() -> None:
    made = bench(Script(stream(STARTED, DELTA, FINISHED)))
    client = Client(made)
    name = (await client.create())["id"]
    await client.until(name, "completed")
    (row,) = [one for one in made.sink.seen if one.method == "POST"]
    assert (row.status, row.is_stream, row.usage.output_tokens, row.attempts) == (200, True, 5, 1)


async def test_a_store_that_is_full_of_runs_takes_no_more(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(background, "MOST_RUNNING", 0)
    status, told = await Client(bench(Script())).ask("POST", model="claude-x", input="hi", background=True)
    assert (status, told["error"]["type"]) == (429, "rate_limit_error")


async def test_what_the_upstream_refuses_has_failed_with_its_words() -> None:
    made = bench(Script(refusal(400, "invalid_request_error", "prompt is too long: 9 tokens > 3 maximum")))
    client = Client(made)
    name = (await client.create())["id"]
    found = await client.until(name, "failed")
    assert found["error"]["code"] == "context_length_exceeded"
    events = await client.ask("GET", name, query=b"stream=true")
    assert [event["type"] for event in events] == ["response.created", "response.failed"]


@pytest.mark.parametrize("fields", [{"background": False}, {"background": None}, {}])
async def test_without_the_wish_it_is_answered_as_any(fields: dict[str, Any]) -> None:
    made = bench(Script(answer()))
    status, told = await Client(made).ask("POST", model="claude-x", input="hi", **fields)
    assert (status, told["status"], told["background"]) == (200, "completed", False)
