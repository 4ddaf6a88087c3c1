"""The Responses API over a WebSocket, on both servers: opened, refused, counted, drained, ended with its token."""

from __future__ import annotations

import json
import signal

import openai
import pytest
from websockets.exceptions import InvalidStatus

from tests.e2e.sockets import talking, text_of
from tests.fakes import vendor as v
from tests.fakes.server import Gate
from tests.harness import SERVERS


@pytest.fixture(params=SERVERS)
def server(request):
    return request.param


def open_now(gateway) -> int:
    lines = gateway.admin("GET", "/metrics").body.decode().splitlines()
    return int(
        float(next(line.split()[-1] for line in lines if line.startswith("link_assistant_websockets ")))
    )


def test_two_calls_over_one_connection(gateway, vendor):
    token = gateway.issue("socket")
    with talking(gateway, token.secret) as talk:
        assert open_now(gateway) == 1
        first = talk.ask(input="SAY one", store=False)["response"]
        second = talk.ask(input="SAY two", store=False, previous_response_id=first["id"])["response"]
    assert [text_of(one) for one in (first, second)] == ["one", "two"]
    assert len(json.loads(vendor.seen[-1].body)["messages"]) == 3
    rows = gateway.exchanges(token, 2)
    assert [(row["surface"], row["status"], row["is_stream"]) for row in rows] == [("responses", 200, 1)] * 2
    assert all(row["output_tokens"] == v.OUTPUT_TOKENS for row in rows)
    for seen in vendor.seen:
        assert token.secret.encode() not in seen.raw_head + seen.body


def test_lanes_run_beside_each_other_and_a_response_is_steered(gateway, vendor):
    """By the vendor's own client."""
    records, gate = v.events("m", v.text("the long way")), Gate()
    vendor.say(v.stream_answer([records[0], gate, *records[1:]]))
    token = gateway.issue("lanes")
    client = openai.OpenAI(base_url=f"{gateway.url}/v1", api_key=token.secret, max_retries=0)
    ask = {"model": "claude-sonnet-5-5", "store": False}
    with client.beta.responses.connect() as connection:
        connection.response.create(**ask, input="hi", stream_id="slow")
        slow = connection.recv().response.id
        connection.response.create(**ask, input="SAY quick", stream_id="quick")
        done = next(one for one in connection if one.type == "response.completed")
        assert (done.stream_id, text_of(done.response.to_dict())) == ("quick", "quick")
        connection.response.steer(previous_response_id=slow, input="SAY steered")
        accepted = next(one for one in connection if one.type.startswith("response.steer"))
        assert (accepted.type, accepted.stream_id) == ("response.steer.accepted", "slow")
        gate.open()
        ended = [next(one for one in connection if one.type == "response.completed") for _ in range(2)]
        assert [text_of(one.response.to_dict()) for one in ended] == ["the long way", "steered"]
        assert ended[1].response.previous_response_id == slow and ended[1].stream_id == "slow"
    assert [row["status"] for row in gateway.exchanges(token, 3)] == [200] * 3


def test_a_large_call_and_events_in_order(gateway, vendor):
    with talking(gateway) as talk:
        talk.say(input="SAY large", instructions="x" * 3_000_000)
        frames = talk.events()
    assert [frame["sequence_number"] for frame in frames] == list(range(len(frames)))
    assert frames[0]["type"] == "response.created" and frames[-1]["type"] == "response.completed"


@pytest.mark.parametrize("secret", ["la_sk_no", "other"])
def test_a_token_that_is_not_valid_does_not_open_it(gateway, vendor, secret):
    with pytest.raises(InvalidStatus) as refused, talking(gateway, secret):
        pass
    assert refused.value.response.status_code == 401
    assert json.loads(refused.value.response.body)["error"]["code"] == "invalid_api_key"


def test_a_revoked_token_ends_the_connection(gateway, vendor):
    token = gateway.issue("to be revoked")
    with talking(gateway, token.secret) as talk:
        assert talk.ask(input="SAY hi")["type"] == "response.completed"
        assert gateway.admin("POST", "/api/tokens/revoke", {"id": token.id}).status == 200
        assert talk.closed() == 1008
    assert open_now(gateway) == 0


def test_a_client_that_leaves_in_the_middle_is_a_499(gateway, vendor):
    token = gateway.issue("leaver")
    vendor.say(v.stream_answer([v.events("m", v.text("never"))[0], Gate()]))
    with talking(gateway, token.secret) as talk:
        talk.say(input="hi")
        assert talk.frame()["type"] == "response.created"
    assert gateway.exchanges(token)[0]["status"] == 499
    assert open_now(gateway) == 0


def test_running_answers_end_and_idle_connections_are_told(start, vendor, server):
    records, gate = v.events("m", v.text("to the end")), Gate()
    vendor.say(v.stream_answer([records[0], gate, *records[1:]]))
    gateway = start(server, {"DRAIN_SECONDS": "20"})
    with talking(gateway) as working, talking(gateway) as idle:
        working.say(input="hi")
        assert working.frame()["type"] == "response.created"
        gateway.process.send_signal(signal.SIGTERM)
        assert idle.closed() == 1012
        gate.open()
        assert text_of(working.events()[-1]["response"]) == "to the end"
        assert working.closed() == 1012
    assert gateway.process.wait(10) == 0
    assert gateway.exchanges(gateway.token)[0]["status"] == 200


def test_an_answer_without_end_fails_at_the_deadline(start, vendor, server):
    vendor.say(v.stream_answer([v.events("m", v.text("never"))[0], Gate()]))
    gateway = start(server, {"DRAIN_SECONDS": "1"})
    with talking(gateway) as talk:
        talk.say(input="hi")
        assert talk.frame()["type"] == "response.created"
        gateway.process.send_signal(signal.SIGTERM)
        assert talk.events()[-1]["type"] == "response.failed"
        assert talk.closed() == 1012
    assert gateway.process.wait(10) == 0


def test_switched_off_it_is_a_426(start, vendor, server):
    gateway = start(server, {"RESPONSES_WEBSOCKET": "false", "MAX_BODY_BYTES": "100000"})
    with pytest.raises(InvalidStatus) as refused, talking(gateway):
        pass
    assert refused.value.response.status_code == 426
    assert refused.value.response.headers["upgrade"] == "HTTP/1.1"


def test_a_message_that_is_too_large_is_told_by_its_code(start, vendor, server):
    gateway = start(server, {"MAX_BODY_BYTES": "100000"})
    with talking(gateway) as talk:
        assert talk.ask(input="SAY hi")["type"] == "response.completed"
        talk.say(input="x" * 200_000)
        assert talk.closed() == 1009


def test_over_a_provider_that_speaks_it_itself(mixed, openai_vendor):
    """What is not stored is repeated, what is stored is referred to."""
    token = mixed.issue("native")
    with talking(mixed, token.secret) as talk:
        first = talk.ask(model="gpt-5.6", input="SAY one", store=False)["response"]
        second = talk.ask(model="gpt-5.6", input="SAY two", store=False, previous_response_id=first["id"])
        assert text_of(second["response"]) == "two"
        error = talk.ask(model="gpt-5.6", input="x", temperature="hot")
    bodies = [json.loads(one.body) for one in openai_vendor.seen]
    assert "previous_response_id" not in bodies[1] and len(bodies[1]["input"]) == 3
    assert all(one["stream"] is True and "type" not in one for one in bodies)
    assert (error["type"], error["status"]) == ("error", 400) and error["error"]["message"]
    assert [row["status"] for row in mixed.exchanges(token, 3)] == [200, 200, 400]


def test_stored_responses_are_read_by_the_vendor_s_own_client(gateway, vendor):
    client = openai.OpenAI(base_url=f"{gateway.url}/v1", api_key=gateway.token.secret, max_retries=0)
    made = client.responses.create(model="claude-sonnet-5-5", input="SAY kept")
    assert made._request_id == v.REQUEST_ID
    assert client.responses.retrieve(made.id).output_text == "kept"
    assert client.responses.input_items.list(made.id).data[0].content[0].text == "SAY kept"
    assert client.responses.compact(model="claude-sonnet-5-5", input="SAY it").output[-1].type == "compaction"
    assert client.responses.input_tokens.count(model="claude-sonnet-5-5", input="hello").input_tokens > 0
    other = openai.OpenAI(base_url=f"{gateway.url}/v1", api_key=gateway.issue("other").secret, max_retries=0)
    with pytest.raises(openai.NotFoundError):
        other.responses.retrieve(made.id)
    client.responses.delete(made.id)
    with pytest.raises(openai.NotFoundError):
        client.responses.retrieve(made.id)
