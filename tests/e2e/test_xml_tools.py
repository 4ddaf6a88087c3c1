"""EXPERIMENTAL_XML_TOOLS and EXPERIMENTAL_ASKED_MODEL over real sockets, on an upstream that refuses tools."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.e2e.command_lines import Start, ask, starting
from tests.fakes.server import Answer, FakeServer, Seen
from tests.fakes.vendor import Vendor
from tests.harness import GatewayProcess
from tests.providers.xml.test_answers import TEXT, answer, stream
from tests.rawhttp import Response

SCHEMA = {"type": "object"}
TOOLS: dict[str, list[dict[str, Any]]] = {
    "messages": [{"name": "get", "input_schema": SCHEMA}],
    "chat": [{"type": "function", "function": {"name": "get", "parameters": SCHEMA}}],
    "responses": [{"type": "function", "name": "get", "parameters": SCHEMA}],
}
WORDS = {"messages": '"tool_use"', "chat": '"tool_calls"', "responses": '"function_call"'}
REFUSED = json.dumps(
    {"error": {"message": "this model does not support tools", "type": "invalid_request_error"}}
)


@pytest.fixture
def start(template: Path, tmp_path: Path, vendor: Vendor) -> Iterator[Start]:
    with starting(template, tmp_path, vendor) as start:
        yield start


def _plain_model(seen: Seen) -> Answer:
    """Refuse tools; else call them in text, under the server's own name for the model."""
    if seen.path != b"/v1/chat/completions":
        return Answer(404)
    body = json.loads(seen.body)
    if "tools" in body or any("tool_calls" in turn or turn["role"] == "tool" for turn in body["messages"]):
        return Answer(400, [("content-type", "application/json")], [REFUSED.encode()])
    if body.get("stream"):
        return Answer(200, [("content-type", "text/event-stream")], [stream(TEXT, 3)])
    return Answer(200, [("content-type", "application/json")], [answer(TEXT)])


@pytest.fixture
def upstream() -> Iterator[FakeServer]:
    with FakeServer(_plain_model) as server:
        yield server


def add(gateway: GatewayProcess, upstream: FakeServer, name: str, **more: Any) -> Response:
    row = {"name": name, "base_url": f"http://127.0.0.1:{upstream.port}/v1", "models": [f"m-{name}"], **more}
    return gateway.admin("POST", "/api/providers", row)


def test_tools_are_told_as_text_and_calls_come_back(start: Start, upstream: FakeServer):
    gateway = start("daphne", {"EXPERIMENTAL_COMPATIBILITY": "true"})
    assert add(gateway, upstream, "auto").status == 200
    assert add(gateway, upstream, "xml", tools="xml").json()["tools"] == "xml"
    assert add(gateway, upstream, "native", tools="native").status == 200
    for surface, tools in TOOLS.items():
        for is_stream in (False, True):
            told = ask(gateway, surface, model="m-xml", tools=tools, stream=is_stream)
            text = told.body.decode()
            assert (told.status, WORDS[surface] in text, "tool_call>" in text) == (200, True, False), told
            assert "m-xml" in text and '"model":"m"' not in text.replace(" ", "")
    seen = len(upstream.seen)
    for _ in range(2):
        assert WORDS["chat"] in ask(gateway, "chat", model="m-auto", tools=TOOLS["chat"]).body.decode()
    sent = [json.loads(one.body) for one in upstream.seen[seen:] if one.path == b"/v1/chat/completions"]
    assert ["tools" in body for body in sent] == [True, False, False]
    assert ask(gateway, "chat", model="m-native", tools=TOOLS["chat"]).status == 400


def test_a_round_with_results(start: Start, upstream: FakeServer):
    gateway = start("uvicorn", {"EXPERIMENTAL_XML_TOOLS": "true"})
    add(gateway, upstream, "xml", tools="xml")
    first = ask(gateway, "messages", model="m-xml", tools=TOOLS["messages"]).json()
    calls = [block for block in first["content"] if block["type"] == "tool_use"]
    assert ([call["input"] for call in calls], first["stop_reason"]) == ([{"x": 1}, {"x": 2}], "tool_use")
    assert len({call["id"] for call in calls}) == 2
    results = [
        {"type": "tool_result", "tool_use_id": call["id"], "content": f"R{n}"} for n, call in enumerate(calls)
    ]
    turns = [
        {"role": "user", "content": "hi"},
        {"role": "assistant", "content": first["content"]},
        {"role": "user", "content": results[::-1]},
    ]
    assert ask(gateway, "messages", model="m-xml", tools=TOOLS["messages"], messages=turns).status == 200
    sent = json.dumps(json.loads(upstream.seen[-1].body)["messages"])
    assert sent.count("</tool_response>\\n<tool_response>") == 1 and sent.index("R0") < sent.index("R1")


def test_without_the_switch_nothing_of_it(start: Start, upstream: FakeServer):
    gateway = start("daphne", {})
    assert add(gateway, upstream, "xml", tools="xml").status == 200
    assert ask(gateway, "chat", model="m-xml", tools=TOOLS["chat"]).status == 400
    assert "tool_call>" in ask(gateway, "chat", model="m-xml").body.decode()
    assert '"model": "m"' in ask(gateway, "chat", model="m-xml").body.decode().replace('":"', '": "')


def test_the_field_is_checked(start: Start, upstream: FakeServer):
    gateway = start("daphne", {})
    for more in (
        {"tools": "yes"},
        {"tools": "xml", "responses": "only"},
        {"tools": "xml", "kind": "anthropic"},
    ):
        refused = add(gateway, upstream, "x", **more)
        assert (refused.status, "tools" in refused.json()["error"]["message"]) == (400, True), refused
    assert add(gateway, upstream, "x", tools="xml").status == 200
    changed = gateway.admin("PATCH", "/api/providers/x", {"tools": None})
    assert (changed.status, "tools" in changed.json()) == (200, False)
