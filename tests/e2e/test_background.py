"""Responses in the background, over sockets: they outlive their client, are read, followed, cancelled, and recorded."""

from __future__ import annotations

import json
import os
import signal
import time
from collections.abc import Callable
from typing import Any

import openai
import pytest

from tests.fakes import vendor as v
from tests.fakes.server import Gate
from tests.harness import GatewayProcess, Token
from tests.rawhttp import Response

CLAUDE = "claude-sonnet-5-5"
PATIENCE_SECONDS = 40.0


class Caller:
    """One token's calls about background responses."""

    def __init__(self, gateway: GatewayProcess, token: Token, model: str = CLAUDE) -> None:
        self.gateway, self.token, self.model = gateway, token, model

    def ask(self, method: str, below: str = "", body: Any = None) -> Response:
        headers = [self.token.bearer, ("content-type", "application/json")]
        data = None if body is None else json.dumps(body).encode()
        return self.gateway.ask(method, f"/v1/responses{below}", headers, data)

    def create(self, **fields: Any) -> Any:
        answer = self.ask("POST", body={"model": self.model, "background": True, **fields})
        assert answer.status == 200, answer
        return answer.json()

    def read(self, name: str) -> Any:
        answer = self.ask("GET", f"/{name}")
        assert answer.status == 200, answer
        return answer.json()

    def until(self, name: str, is_so: Callable[[Any], bool]) -> Any:
        """Return the response once it is as wanted."""
        deadline = time.monotonic() + PATIENCE_SECONDS
        while not is_so(found := self.read(name)):
            assert time.monotonic() < deadline, found
            time.sleep(0.05)
        return found

    def ended(self, name: str) -> Any:
        return self.until(name, lambda found: found["status"] not in ("queued", "in_progress"))

    def runs(self) -> list[Any]:
        """Return the rows of calls that have made something, once there is one."""
        deadline = time.monotonic() + PATIENCE_SECONDS
        query = "SELECT * FROM gateway_exchange WHERE token_id = ? AND path = '/v1/responses' ORDER BY id"
        while not (found := self.gateway.rows(query, self.token.id)):
            assert time.monotonic() < deadline
            time.sleep(0.05)
        return found

    def events(self, name: str, query: str = "stream=true") -> list[Any]:
        answer = self.ask("GET", f"/{name}?{query}")
        assert answer.status == 200 and "text/event-stream" in (answer.get("content-type") or ""), answer
        return events_in(answer.body)


def events_in(body: bytes) -> list[Any]:
    lines = body.decode().split("\n")
    return [json.loads(line.removeprefix("data: ")) for line in lines if line.startswith("data: ")]


def text_of(response: Any) -> str:
    return "".join(
        part["text"] for item in response["output"] if item["type"] == "message" for part in item["content"]
    )


def held(vendor: Any, words: str) -> Gate:
    """Let the vendor stop after the beginning of its next answer, until the gate opens."""
    gate, records = Gate(), v.events(CLAUDE, v.text(words))
    vendor.say(v.stream_answer([*records[:3], gate, *records[3:]]))
    return gate


def test_it_outlives_its_client_and_is_recorded_once(gateway, vendor):
    gate = held(vendor, "made while nobody waited")
    caller = Caller(gateway, gateway.issue("background"))
    made = caller.create(input="hi", metadata={"k": "v"})
    assert made["status"] in ("queued", "in_progress") and made["background"] is True
    assert made["output"] == [] and made["metadata"] == {"k": "v"} and made["id"].startswith("resp_")
    assert caller.until(made["id"], lambda found: found["status"] == "in_progress")["id"] == made["id"]
    gate.open()
    whole = caller.ended(made["id"])
    assert (whole["status"], text_of(whole)) == ("completed", "made while nobody waited")
    assert whole["background"] is True and whole["usage"]["output_tokens"] == v.OUTPUT_TOKENS
    assert [(row["status"], row["output_tokens"]) for row in caller.runs()] == [(200, v.OUTPUT_TOKENS)]
    items = caller.ask("GET", f"/{made['id']}/input_items").json()["data"]
    assert items[0]["content"][0]["text"] == "hi"


def test_a_conversation_goes_on_from_one(gateway, vendor):
    caller = Caller(gateway, gateway.issue("goes on"))
    gate = held(vendor, "first")
    first = caller.create(input="one")
    early = caller.ask("POST", body={"model": CLAUDE, "input": "x", "previous_response_id": first["id"]})
    assert (early.status, early.json()["error"]["param"]) == (400, "previous_response_id")
    gate.open()
    assert caller.ended(first["id"])["status"] == "completed"
    second = caller.create(input="SAY two", previous_response_id=first["id"])
    whole = caller.ended(second["id"])
    assert (text_of(whole), whole["previous_response_id"]) == ("two", first["id"])
    assert [turn["role"] for turn in json.loads(vendor.seen[-1].body)["messages"]] == [
        "user", "assistant", "user",
    ]  # fmt: skip
    assert len(caller.ask("GET", f"/{second['id']}/input_items").json()["data"]) == 3


def test_it_is_followed_from_any_event_on(gateway, vendor):
    gate = held(vendor, "told twice")
    caller = Caller(gateway, gateway.issue("followed"))
    client = openai.OpenAI(base_url=f"{gateway.url}/v1", api_key=caller.token.secret, max_retries=0)
    with client.responses.create(model=CLAUDE, input="hi", background=True, stream=True) as stream:
        first = next(iter(stream))
        assert first.type == "response.created"
    name = first.response.id  # the stream has been left in its middle
    gate.open()
    whole = caller.ended(name)
    told = caller.events(name)
    assert [event["sequence_number"] for event in told] == list(range(len(told)))
    assert told[0]["type"] == "response.created" and told[-1]["type"] == "response.completed"
    assert {event["response"]["id"] for event in told if "response" in event} == {name}
    assert told[-1]["response"] == whole
    for after in (0, 3, len(told) - 2, len(told) - 1, len(told) + 5):
        assert caller.events(name, f"stream=true&starting_after={after}") == told[after + 1 :]
    resumed = client.responses.retrieve(name, stream=True, starting_after=1)
    assert [event.sequence_number for event in resumed] == list(range(2, len(told)))


def test_cancelled_it_ends_at_its_upstream_too(gateway, vendor):
    held(vendor, "never")
    caller = Caller(gateway, gateway.issue("cancels"))
    made = caller.create(input="hi")
    caller.until(made["id"], lambda found: found["status"] == "in_progress")
    for _ in range(2):
        answer = caller.ask("POST", f"/{made['id']}/cancel")
        assert (answer.status, answer.json()["status"], answer.json()["id"]) == (200, "cancelled", made["id"])
    vendor.seen[-1].wait_gone(PATIENCE_SECONDS)
    assert caller.ended(made["id"])["status"] == "cancelled"
    assert caller.events(made["id"])[-1]["response"]["status"] == "cancelled"
    assert [row["status"] for row in caller.runs()] == [499]


def test_it_belongs_to_its_token_and_can_be_deleted(gateway, vendor):
    held(vendor, "never")
    mine, other = (Caller(gateway, gateway.issue(name)) for name in ("mine", "other"))
    name = mine.create(input="hi")["id"]
    mine.until(name, lambda found: found["status"] == "in_progress")
    for method, below in (("GET", ""), ("POST", "/cancel"), ("DELETE", ""), ("GET", "?stream=true")):
        assert other.ask(method, f"/{name}{below}").status == 404, (method, below)
    assert mine.ask("DELETE", f"/{name}").json()["deleted"] is True
    vendor.seen[-1].wait_gone(PATIENCE_SECONDS)
    assert mine.ask("GET", f"/{name}").status == 404


@pytest.mark.parametrize(
    ("fields", "param"),
    [({"store": False}, "background"), ({"input": 7}, "input"), ({"tools": {}}, "tools")],
)
def test_what_is_wrong_is_refused_at_once(gateway, vendor, fields, param):
    caller = Caller(gateway, gateway.issue("refused"))
    answer = caller.ask("POST", body={"model": CLAUDE, "input": "hi", "background": True, **fields})
    assert (answer.status, answer.json()["error"]["param"]) == (400, param)
    assert vendor.seen == []
    assert [row["status"] for row in caller.runs()] == [400]


@pytest.mark.parametrize("query", ["stream=maybe", "starting_after=1", "stream=true&starting_after=-1"])
def test_a_query_that_says_nothing_is_refused(gateway, vendor, query):
    caller = Caller(gateway, gateway.issue("asks"))
    name = caller.create(input="SAY hi")["id"]
    answer = caller.ask("GET", f"/{name}?{query}")
    assert (answer.status, answer.json()["error"]["type"]) == (400, "invalid_request_error")


@pytest.mark.parametrize("status", [400, 429, 500, 529])
def test_what_an_upstream_refuses_has_failed(gateway, vendor, status):
    caller = Caller(gateway, gateway.issue("fails"))
    made = caller.create(input=f"ERROR {status}")
    whole = caller.ended(made["id"])
    assert whole["status"] == "failed" and whole["error"]["code"] and whole["error"]["message"]
    told = caller.events(made["id"])
    assert [event["type"] for event in told] == ["response.created", "response.failed"]


@pytest.mark.parametrize("model", ["gpt-5.6-mini", "llama-4-70b", "gpt-5.6"])
def test_over_other_providers(mixed, openai_vendor, model):
    caller = Caller(mixed, mixed.issue("elsewhere"), model)
    first = caller.create(input="SAY there")
    assert text_of(caller.ended(first["id"])) == "there"
    assert caller.events(first["id"])[-1]["response"]["id"] == first["id"]
    second = caller.ask("POST", body={"model": model, "input": "SAY on", "previous_response_id": first["id"]})
    assert (second.status, text_of(second.json())) == (200, "on"), second
    third = caller.create(input="SAY further", previous_response_id=first["id"])
    assert text_of(caller.ended(third["id"])) == "further"


def test_a_limited_token_is_held_to_its_limit(gateway, vendor):
    answer = gateway.admin("POST", "/api/tokens", {"label": "one", "max_requests": 1})
    caller = Caller(gateway, Token(answer.json()["token"], answer.json()["id"]))
    made = caller.create(input="SAY hi")
    assert caller.ended(made["id"])["status"] == "completed"
    refused = caller.ask("POST", body={"model": CLAUDE, "input": "x", "background": True})
    assert refused.status == 429 and refused.json()["error"]["message"]


def test_a_drain_waits_for_it(start, vendor):
    gateway = start("uvicorn", {"DRAIN_SECONDS": "40"})
    gate = held(vendor, "to the end")
    caller = Caller(gateway, gateway.token)
    name = caller.create(input="hi")["id"]
    caller.until(name, lambda found: found["status"] == "in_progress")
    gateway.process.send_signal(signal.SIGTERM)
    until = time.monotonic() + 3
    while time.monotonic() < until:  # longer than it stays without anything to do
        assert gateway.process.poll() is None
        time.sleep(0.05)
    gate.open()
    assert gateway.process.wait(PATIENCE_SECONDS) == 0
    assert [(row["status"], row["output_tokens"]) for row in caller.runs()] == [(200, v.OUTPUT_TOKENS)]


@pytest.mark.parametrize("how", [signal.SIGKILL, signal.SIGTERM])
def test_of_a_process_that_has_ended_it_is_failed(start, vendor, how):
    gateway = start("daphne", {"DRAIN_SECONDS": "1"})
    held(vendor, "never")
    caller = Caller(gateway, gateway.token)
    name = caller.create(input="hi")["id"]
    caller.until(name, lambda found: found["status"] == "in_progress")
    os.kill(gateway.process.pid, how)
    gateway.process.wait(PATIENCE_SECONDS)
    gateway.start()
    found = caller.read(name)
    assert (found["status"], found["background"]) == ("failed", True)
    assert "has ended before" in found["error"]["message"]
    assert caller.events(name)[-1]["type"] == "response.failed"
    assert caller.ask("POST", f"/{name}/cancel").json()["status"] == "failed"
    other = Caller(gateway, gateway.issue("other"))
    assert other.ask("GET", f"/{name}").status == 404
    assert caller.ask("DELETE", f"/{name}").status == 200
    assert caller.ask("GET", f"/{name}").status == 404
