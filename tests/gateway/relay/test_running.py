"""One background response: what leaves for the upstream, and what its events become."""

from __future__ import annotations

import json
from typing import Any

import pytest

from gateway.relay.running import Run, Telling, failed
from providers.dialects.types import Failure, FailureKind, Refused
from tests.gateway.usage.contexts import context

STREAM = [(b"content-type", b"text/event-stream")]
CUT = Failure(FailureKind.UPSTREAM, "cut")


def run(**fields: Any) -> Run:
    body = {"model": "m", "input": "hi", "background": True, **fields}
    return Run.of(context("responses", json.dumps(body).encode()))


def event(name: str, number: int, **fields: Any) -> bytes:
    return (
        f"event: {name}\ndata: {json.dumps({'type': name, 'sequence_number': number, **fields})}\n\n".encode()
    )


async def answered(made: Run, *events: bytes) -> list[Any]:
    await made.turn.send({"type": "http.response.start", "status": 200, "headers": STREAM})
    for data in events:
        await made.turn.send({"type": "http.response.body", "body": data, "more_body": True})
    await made.turn.send({"type": "http.response.body", "body": b""})
    made.end(CUT)
    return [json.loads(data) for data in made.events]


def response(status: str) -> dict[str, Any]:
    return {"id": "resp_theirs", "status": status, "output": [], "model": "other", "created_at": 1}


async def test_what_leaves_is_a_streamed_call_in_the_foreground() -> None:
    made = run(stream=False, background_options={"completion_window": "2h"}, metadata={"a": "b"})
    sent = json.loads((await made.turn.receive())["body"])
    assert sent == {"model": "m", "input": "hi", "stream": True, "metadata": {"a": "b"}}
    assert (b"content-type", b"application/json") in made.request.headers and made.request.abort is None


async def test_events_get_the_id_that_was_told() -> None:
    made = run()
    ends = event("response.completed", 1, response=response("completed"))
    told = await answered(made, event("response.created", 0, response=response("in_progress")), ends)
    for one in told:
        named = one["response"]
        assert (named["id"], named["model"], named["background"]) == (made.name, "m", True)
    assert made.response["status"] == "completed" and len(told) == 2


@pytest.mark.parametrize(
    "events",
    [
        (),
        (event("response.created", 0, response=response("in_progress")),),
        (b"data: no\n\n",),
        (
            event("response.created", 0, response=response("in_progress")),
            b'data: {"type":"error","message":"x"}\n\n',
        ),
    ],
)
async def test_what_does_not_come_to_its_end_has_failed(events: tuple[bytes, ...]) -> None:
    made = run()
    told = await answered(made, *events)
    assert [one["type"] for one in told] == ["response.created", "response.failed"]
    assert [one["sequence_number"] for one in told] == [0, 1]
    assert told[-1]["response"]["error"]["message"] and made.has_failed


async def test_nothing_comes_after_a_cancel() -> None:
    made = run()
    made.cancel()
    told = await answered(made, event("response.completed", 7, response=response("completed")))
    assert [one["response"]["status"] for one in told] == ["cancelled"]
    assert made.response["status"] == "cancelled" and (await made.turn.receive())["body"]
    assert (await made.turn.receive())["type"] == "http.disconnect"


@pytest.mark.parametrize("body", [{"store": False}, {"store": False, "stream": True}])
async def test_what_is_not_to_be_stored_can_t_run(body: dict[str, Any]) -> None:
    with pytest.raises(Refused) as refused:
        run(**body)
    assert refused.value.failure.param == "background"


def test_a_failure_has_the_api_s_form() -> None:
    found = json.loads(failed(json.dumps(response("in_progress")).encode(), CUT))
    assert (found["status"], found["error"]) == ("failed", {"code": "server_error", "message": "cut"})


def test_a_stream_of_ours_passes_as_it_is() -> None:
    telling = Telling()
    assert (telling.feed(b"x"), telling.finish(), telling.fail(CUT)) == (b"x", b"", b"")
