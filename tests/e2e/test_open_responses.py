"""What OpenResponses' compliance suite asks of a server: its 17 cases, over Claude and over Chat Completions.

The suite itself is in no registry. Its cases stand here in our own words, and the forms that it checks by schema are
read strictly by `open_responses.py`.
"""

from __future__ import annotations

import base64
import json
from collections.abc import Iterator
from typing import Any

import pytest

from tests.e2e import open_responses as forms
from tests.e2e.sockets import Talk, talking
from tests.wire.feeding import parsed

PNG = base64.b64encode(b"\x89PNG\r\n\x1a\n" + bytes(24)).decode()
WEATHER = {
    "type": "function", "name": "get_weather", "description": "Current weather of a place",
    "parameters": {"type": "object", "properties": {"location": {"type": "string"}}, "required": ["location"]},
}  # fmt: skip


class Server:
    """A gateway, and the model over which the cases run."""

    def __init__(self, gateway: Any, model: str) -> None:
        self.gateway, self.model = gateway, model

    def post(self, body: dict[str, Any], path: str = "/v1/responses") -> Any:
        data = json.dumps({"model": self.model, **body}).encode()
        return self.gateway.ask("POST", path, self.gateway.call_headers(), data)

    def response(self, given: Any, **more: Any) -> Any:
        answer = self.post({"input": given, **more})
        assert answer.status == 200, answer.body
        return forms.response(answer.json())

    def stream(self, given: Any, **more: Any) -> tuple[list[Any], Any]:
        answer = self.post({"input": given, "stream": True, **more})
        assert answer.status == 200, answer.body
        return forms.stream([data for _, data in parsed(answer.body)])

    def socket(self) -> Any:
        return talking(self.gateway)

    def turn(self, talk: Talk, given: Any, **more: Any) -> Any:
        """Return the response that ends one turn over a WebSocket, or its error."""
        talk.say(**{"model": self.model, "input": given, **more})
        frames = talk.events()
        return forms.error(frames[0]) if frames[0]["type"] == "error" else forms.stream(frames)[1]


@pytest.fixture(params=["claude-sonnet-5-5", "gpt-5.6-mini", "llama-4-70b"], ids=["claude", "chat", "probed"])
def server(request: pytest.FixtureRequest, mixed: Any) -> Iterator[Server]:
    yield Server(mixed, request.param)


def user(text: Any) -> dict[str, Any]:
    return {"type": "message", "role": "user", "content": text}


def completed(response: Any) -> Any:
    assert response["status"] == "completed" and response["output"]
    return response


def test_basic_response(server: Server) -> None:
    completed(server.response([user("SAY hello my friend")]))


def test_assistant_phase(server: Server) -> None:
    spoken = {"type": "message", "role": "assistant"}
    given = [
        {**spoken, "phase": "commentary", "content": "I should answer with the number."},
        {**spoken, "phase": "final_answer", "content": "Four."},
        user("SAY four"),
    ]
    completed(server.response(given))


def test_response_output_phase_schema() -> None:
    """The form itself takes phases of output messages."""
    forms.message({
        "id": "msg_1", "type": "message", "status": "completed", "role": "assistant", "phase": "commentary",
        "content": [{"type": "output_text", "text": "x", "annotations": []}],
    })  # fmt: skip


def test_streaming_response(server: Server) -> None:
    seen, response = server.stream([user("SAY 1 2 3 4 5")])
    assert "response.output_text.delta" in [one["type"] for one in seen]
    completed(response)


def test_websocket_response(server: Server) -> None:
    with server.socket() as talk:
        completed(server.turn(talk, [user("SAY 1 2 3")]))


def test_websocket_sequential_responses(server: Server) -> None:
    with server.socket() as talk:
        for text in ("SAY first", "SAY second"):
            completed(server.turn(talk, text, store=False))


def test_websocket_continuation(server: Server) -> None:
    with server.socket() as talk:
        first = completed(server.turn(talk, "SAY ok", store=False))
        second = completed(server.turn(talk, "SAY cobalt", store=False, previous_response_id=first["id"]))
    assert second["previous_response_id"] == first["id"]


def test_websocket_reconnect_store_false_recovery(server: Server) -> None:
    with server.socket() as talk:
        first = completed(server.turn(talk, "SAY ok", store=False))
    with server.socket() as talk:
        lost = server.turn(talk, "SAY reconnected", store=False, previous_response_id=first["id"])
        assert lost["code"] == "previous_response_not_found"
        completed(server.turn(talk, [user("SAY recovered")], store=False))


def test_websocket_previous_response_not_found(server: Server) -> None:
    with server.socket() as talk:
        error = server.turn(talk, "hi", store=False, previous_response_id="resp_missing")
    assert (error["code"], error["param"]) == ("previous_response_not_found", "previous_response_id")


def test_websocket_failed_continuation_evicts_cache(server: Server) -> None:
    lost = [{"type": "function_call_output", "call_id": "call_missing", "output": "There was no such call."}]
    with server.socket() as talk:
        first = completed(server.turn(talk, "SAY ok", store=False))
        assert "message" in server.turn(talk, lost, store=False, previous_response_id=first["id"])
        stale = server.turn(talk, "SAY stale", store=False, previous_response_id=first["id"])
        assert stale["code"] == "previous_response_not_found"


def test_websocket_compact_new_chain(server: Server) -> None:
    given = [
        user([{"type": "input_text", "text": "The code word is slate."}]),
        {"type": "message", "role": "assistant", "content": [{"type": "output_text", "text": "OK."}]},
        user([{"type": "input_text", "text": "SAY slate"}]),
    ]
    compacted = forms.compacted(server.post({"input": given}, "/v1/responses/compact").json())
    with server.socket() as talk:
        given = [*compacted["output"], user("SAY compacted")]
        completed(server.turn(talk, given, store=False, tools=[]))


def test_system_prompt(server: Server) -> None:
    given = [{"type": "message", "role": "system", "content": "You are a pirate."}, user("SAY arr")]
    completed(server.response(given))


def test_tool_calling(server: Server) -> None:
    response = server.response([user("RUN San Francisco")], tools=[WEATHER])
    assert "function_call" in [item["type"] for item in response["output"]]


def test_image_input(server: Server) -> None:
    parts = [
        {"type": "input_text", "text": "SAY a heart"},
        {"type": "input_image", "image_url": f"data:image/png;base64,{PNG}"},
    ]
    completed(server.response([user(parts)]))


def test_multi_turn(server: Server) -> None:
    given = [
        user("My name is Alice."),
        {"type": "message", "role": "assistant", "content": "Hello."},
        user("SAY Alice"),
    ]
    completed(server.response(given))


def test_compact_response(server: Server) -> None:
    given = [
        user("We launch on Tuesday."),
        {"type": "message", "role": "assistant", "content": "Understood."},
    ]
    answer = server.post({"input": given, "prompt_cache_key": "a-key"}, "/v1/responses/compact")
    assert answer.status == 200, answer.body
    assert "compaction" in [item["type"] for item in forms.compacted(answer.json())["output"]]


def test_compact_missing_model(server: Server) -> None:
    assert server.post({"model": None, "input": [user("hi")]}, "/v1/responses/compact").status in (400, 422)
