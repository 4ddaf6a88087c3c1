"""An alias is mapped back where the answer names its model, and nowhere else."""

# ruff: noqa: E501 - an event is a line

import json
from typing import Any

import pytest

from providers.dialects.types import Call, CallFields, Target, WireAnswer
from providers.translation.pairs.openai_passthrough import ChatPassthrough, ResponsesPassthrough
from providers.translation.pairs.passthrough import Passthrough
from tests.fakes.sealer import PlainSealer


def responses() -> ResponsesPassthrough:
    return ResponsesPassthrough(PlainSealer())


def call(model: str, *, is_stream: bool = False) -> Call:
    body = json.dumps({"model": model, "stream": is_stream}).encode()
    return Call("messages", "POST", b"/v1/messages", b"", (), body, CallFields(model=model, stream=is_stream))


INPUT = {
    "type": "tool_use",
    "id": "t",
    "name": "f",
    "input": {"model": "claude-real", "message": {"model": "x"}},
}
WHOLE: dict[str, Any] = {"id": "m", "type": "message", "role": "assistant", "stop_reason": "tool_use"}
SERVED = {"model": "claude-real", "usage": {"input_tokens": 1, "output_tokens": 1}}


@pytest.mark.parametrize("order", ["content first", "model first"])
@pytest.mark.parametrize("size", [7, 1 << 20])
def test_an_alias_renames_the_answer_s_model_and_no_tool_s_input(order: str, size: int) -> None:
    content = {"content": [INPUT]}
    body = json.dumps(
        {**WHOLE, **(content | SERVED if order == "content first" else SERVED | content)}
    ).encode()
    made = Passthrough()
    made.request(call("alias"), Target(model="claude-real"))
    made.response(WireAnswer(200, ((b"content-type", b"application/json"),)))
    out = b"".join(made.feed(body[at : at + size]) for at in range(0, len(body), size)) + made.finish()
    told = json.loads(out)
    assert told["model"] == "alias" and told["content"] == [INPUT] and made.model == "claude-real"


@pytest.mark.parametrize(
    "name", [b"event: message_start\n", b'event: ping\ndata: {"type": "ping"}\n\nevent: message_start\n', b""]
)
def test_an_alias_in_a_stream(name: bytes) -> None:
    message = {"content": [INPUT], "model": "claude-real-2", "id": "m"}
    start = name + b"data: " + json.dumps({"message": message, "type": "message_start"}).encode() + b"\n\n"
    later = b'event: content_block_start\ndata: {"type": "content_block_start", "index": 0, "content_block": {"model": "claude-real-2"}}\n\n'
    made = Passthrough()
    made.request(call("alias", is_stream=True), Target(model="claude-real"))
    made.response(WireAnswer(200, ((b"content-type", b"text/event-stream"),)))
    out = b"".join(made.feed(part) for part in (start[:40], start[40:], later))
    told = json.loads(out[out.index(b'data: {"message"') + 6 :].split(b"\n\n")[0])
    assert told["message"] == {**message, "model": "alias"} and out.endswith(later)


@pytest.mark.parametrize(
    ("kind", "event", "path"),
    [
        (ChatPassthrough, {"choices": [{"delta": {"x": {"model": "real"}}}], "model": "real"}, ()),
        (
            responses,
            {
                "type": "response.completed",
                "model": "real",
                "response": {"metadata": {"model": "real"}, "model": "real"},
            },
            ("response",),
        ),
    ],
)
def test_an_alias_in_every_event_of_openai_s_streams(kind: Any, event: Any, path: tuple[str, ...]) -> None:
    made = kind()
    made.request(call("alias", is_stream=True), Target(model="real"))
    made.response(WireAnswer(200, ((b"content-type", b"text/event-stream"),)))
    data = b"data: " + json.dumps(event).encode() + b"\n\n"
    out = made.feed(data[:30]) + made.feed(data[30:]) + made.feed(data)
    told = [json.loads(each[6:]) for each in out.split(b"\n\n") if each]
    holder = expected = json.loads(json.dumps(event))
    for name in path:
        holder = holder[name]
    holder["model"] = "alias"
    assert told == [expected, expected]


@pytest.mark.parametrize("kind", [ChatPassthrough, responses])
def test_an_alias_in_openai_s_whole_answers(kind: Any) -> None:
    made = kind()
    made.request(call("alias"), Target(model="real"))
    made.response(WireAnswer(200, ((b"content-type", b"application/json"),)))
    body = {"output": [{"arguments": {"model": "real"}}], "tools": [{"model": "real"}], "model": "real"}
    out = made.feed(json.dumps(body).encode()) + made.finish()
    assert json.loads(out) == {**body, "model": "alias"}
