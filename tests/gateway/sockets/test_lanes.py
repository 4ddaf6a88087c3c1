"""Lanes of a connection beside each other, and responses that are steered, with a relay of real parts."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from gateway.sockets import responses
from providers.dialects import openai_steering
from tests.gateway.relay.building import bench
from tests.gateway.relay.scripted import DELTA, FINISHED, STARTED, Body, Script, event, refusal, stream
from tests.gateway.sockets.test_responses import ASK, Connection, asked, connected, good

CALLED = (
    event(
        "content_block_start",
        index=0,
        content_block={"type": "tool_use", "id": "t1", "name": "f", "input": {}},
    ),
    event("content_block_stop", index=0),
    event("message_delta", delta={"stop_reason": "tool_use"}, usage={"output_tokens": 5}),
    event("message_stop"),
)
TOOL = {"type": "function", "name": "f", "parameters": {"type": "object", "properties": {}}}


def held(*rest: bytes) -> tuple[Any, asyncio.Event]:
    """Return an answer that stops after its beginning, and what lets it go on."""
    gate, answer = asyncio.Event(), stream(STARTED, *rest)

    class Waiting(Body):
        async def __aiter__(self) -> Any:
            yield self.chunks[0]
            await gate.wait()
            for chunk in self.chunks[1:]:
                yield chunk

    answer.stream = Waiting([STARTED, *rest])
    return answer, gate


async def frames_until(connection: Connection, *kinds: str) -> list[Any]:
    frames = [await connection.frames.get()]
    while frames[-1]["type"] not in kinds:
        frames.append(await connection.frames.get())
    return frames


async def begun(connection: Connection, **fields: Any) -> str:
    """Ask, and return the id of the response that has begun."""
    connection.say(**{**ASK, **fields})
    return str((await frames_until(connection, "response.in_progress"))[0]["response"]["id"])


async def test_a_lane_is_answered_while_another_waits() -> None:
    slow, gate = held(DELTA, FINISHED)
    made = bench(Script(slow, *good(1)))
    async with connected(made) as connection:
        first = await begun(connection, stream_id="slow")
        connection.say(**ASK, stream_id="quick")
        quick = await connection.answer()
        assert {frame["stream_id"] for frame in quick} == {"quick"}
        gate.set()
        rest = await connection.answer()
        assert {frame["stream_id"] for frame in rest} == {"slow"} and rest[-1]["response"]["id"] == first
    assert [one.status for one in made.sink.seen] == [200, 200]


async def test_calls_of_one_lane_are_answered_in_order_and_without_one_nothing_is_named() -> None:
    slow, gate = held(DELTA, FINISHED)
    made = bench(Script(slow, *good(1)))
    async with connected(made) as connection:
        connection.say(**ASK)
        connection.say(**ASK)
        gate.set()
        for _ in range(2):
            frames = await connection.answer()
            assert frames[0]["type"] == "response.created" and frames[-1]["type"] == "response.completed"
            assert all("stream_id" not in frame for frame in frames)


async def test_a_lane_forks_from_another_s_response() -> None:
    made = bench(Script(*good(2)))
    async with connected(made) as connection:
        first = (await connection.ask(store=False, stream_id="a"))["response"]
        forked = await connection.ask(
            store=False, stream_id="b", previous_response_id=first["id"], input="on"
        )
    assert forked["response"]["previous_response_id"] == first["id"] and forked["stream_id"] == "b"
    assert len((await asked(made, 1))["messages"]) == 3


async def test_what_is_refused_is_told_in_its_lane() -> None:
    made = bench(Script(refusal(400, "invalid_request_error", "no"), *good(1)))
    async with connected(made) as connection:
        assert (await connection.ask(stream_id="a"))["stream_id"] == "a"
        lost = await connection.ask(stream_id="a", previous_response_id="resp_none")
        assert (lost["error"]["code"], lost["stream_id"]) == ("previous_response_not_found", "a")
        assert (await connection.ask(stream_id="a"))["type"] == "response.completed"


async def test_lanes_are_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(responses, "MOST_LANES", 1)
    slow, gate = held(DELTA, FINISHED)
    made = bench(Script(slow))
    async with connected(made) as connection:
        await begun(connection, stream_id="a")
        refused = await connection.ask(stream_id="b")
        assert (refused["status"], refused["error"]["param"]) == (429, "stream_id")
        gate.set()
        assert (await connection.answer())[-1]["type"] == "response.completed"


@pytest.mark.parametrize("stored", [True, False])
@pytest.mark.parametrize("lane", [{}, {"stream_id": "a"}])
async def test_a_steer_is_taken_up_by_a_successor(stored: bool, lane: dict[str, str]) -> None:
    slow, gate = held(DELTA, FINISHED)
    made = bench(Script(slow, *good(1)))
    async with connected(made) as connection:
        first = await begun(connection, store=stored, instructions="be brief", **lane)
        for words in ("shorter", [{"role": "user", "content": "and louder"}]):
            connection.say(type="response.steer", previous_response_id=first, input=words)
        accepted = [await connection.frames.get() for _ in range(2)]
        assert [one["type"] for one in accepted] == ["response.steer.accepted"] * 2
        gate.set()
        answer, after = await connection.answer(), await connection.answer()
        numbers = [one["sequence_number"] for one in (*accepted, *answer)]
        assert numbers == list(range(2, 2 + len(numbers)))
        assert {one.get("stream_id") for one in (*accepted, *answer, *after)} == {lane.get("stream_id")}
    assert after[0]["response"]["previous_response_id"] == first and after[0]["response"]["id"] != first
    assert after[0]["sequence_number"] == 0
    sent = await asked(made, 1)
    assert [turn["role"] for turn in sent["messages"]] == ["user", "assistant", "user"]
    assert [part["text"] for part in sent["messages"][-1]["content"]] == ["shorter", "and louder"]
    assert sent["system"] == "be brief"
    assert [one.status for one in made.sink.seen] == [200, 200]


async def test_while_tools_are_waited_for_a_steer_goes_along_with_their_results() -> None:
    slow, gate = held(*CALLED)
    made = bench(Script(slow, *good(1)))
    async with connected(made) as connection:
        first = await begun(connection, tools=[TOOL])
        connection.say(type="response.steer", previous_response_id=first, input="shorter")
        accepted = await connection.frames.get()
        gate.set()
        done = (await connection.answer())[-1]
        pending = await connection.frames.get()
        assert pending["type"] == "response.steer.pending" and pending["steer"] == accepted["steer"]
        assert pending["required_input"] == [{"type": "function_call_output", "call_id": "t1", "name": "f"}]
        assert pending["sequence_number"] == done["sequence_number"] + 1
        result = [{**pending["required_input"][0], "output": "1"}]
        del result[0]["name"]
        assert (await connection.ask(previous_response_id=first, input=result))[
            "type"
        ] == "response.completed"
    content = (await asked(made, 1))["messages"][-1]["content"]
    assert [part["type"] for part in content] == ["tool_result", "text"] and content[1]["text"] == "shorter"


async def test_what_can_t_be_steered_gives_the_input_back(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(openai_steering, "MOST_PENDING", 0)
    slow, gate = held(DELTA, FINISHED)
    made = bench(Script(slow, *good(1)))

    async def steer(name: str, words: Any = "x") -> Any:
        connection.say(type="response.steer", previous_response_id=name, input=words)
        told = await connection.frames.get()
        assert told["type"] == "response.steer.failed" and told["steer"]["input"] == words
        return told["error"]["code"]

    async with connected(made) as connection:
        assert await steer("resp_none") == "response_not_found"
        assert await steer("resp_none", 7) == "invalid_input"
        first = await begun(connection, context_management=[{"type": "compaction"}])
        assert await steer(first) == "steering_not_supported"
        gate.set()
        await connection.answer()
        assert await steer(first) == "response_already_completed"


async def test_pending_steers_are_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(openai_steering, "MOST_PENDING", 1)
    slow, gate = held(DELTA, FINISHED)
    made = bench(Script(slow, *good(1)))
    async with connected(made) as connection:
        first = await begun(connection)
        for kind in ("response.steer.accepted", "response.steer.failed"):
            connection.say(type="response.steer", previous_response_id=first, input="x")
            assert (await connection.frames.get())["type"] == kind
        gate.set()
        await connection.answer()
        assert (await connection.answer())[-1]["type"] == "response.completed"


async def test_a_response_that_fails_gives_its_steers_back() -> None:
    slow, gate = held(DELTA)  # breaks off
    made = bench(Script(slow))
    async with connected(made) as connection:
        first = await begun(connection)
        connection.say(type="response.steer", previous_response_id=first, input="x")
        accepted = await connection.frames.get()
        gate.set()
        assert (await connection.answer())[-1]["type"] == "response.failed"
        failed = await connection.frames.get()
        assert (failed["error"]["code"], failed["steer"]["id"]) == (
            "response_not_active",
            accepted["steer"]["id"],
        )


async def test_a_successor_that_can_t_be_made_gives_them_back() -> None:
    slow, gate = held(DELTA, FINISHED)
    made = bench(Script(slow, refusal(400, "invalid_request_error", "no")))
    async with connected(made) as connection:
        first = await begun(connection)
        connection.say(type="response.steer", previous_response_id=first, input="x")
        accepted = await connection.frames.get()
        gate.set()
        assert (await connection.answer())[-1]["type"] == "response.completed"
        assert (await connection.answer())[-1]["error"]["message"] == "no"
        failed = await connection.frames.get()
        assert failed["error"]["code"] == "successor_creation_failed"
        assert failed["steer"]["id"] == accepted["steer"]["id"]
