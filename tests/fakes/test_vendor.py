"""The fakes must be right before anything is judged by them."""

from __future__ import annotations

import socket
import time

import anthropic
import httpx
import pytest

from tests.fakes import vendor as v
from tests.fakes.server import CUT, RESET, Answer, FakeServer, Gate
from tests.fakes.vendor import Vendor

ASK = {"model": "claude-sonnet-5-5", "max_tokens": 64, "messages": [{"role": "user", "content": "hi"}]}


@pytest.fixture
def vendor():
    with Vendor() as server:
        yield server


def test_the_sdk_reads_a_stream_of_it(vendor):
    client = anthropic.Anthropic(base_url=vendor.url, api_key=v.API_KEY, max_retries=0)
    ask = {**ASK, "messages": [{"role": "user", "content": "RUN ls -l"}]}
    with client.messages.stream(**ask) as stream:
        final = stream.get_final_message()
    assert final.stop_reason == "tool_use"
    assert final.content[1].input["command"] == "ls -l"
    assert final.usage.output_tokens == v.OUTPUT_TOKENS
    assert client.models.list().data[0].id == v.MODELS[0]


@pytest.mark.parametrize(
    ("headers", "status"),
    [
        ({"x-api-key": v.API_KEY}, 400),
        ({"x-api-key": v.API_KEY, "anthropic-version": "2023-06-01"}, 200),
        ({"authorization": f"Bearer {v.API_KEY}", "anthropic-version": "2023-06-01"}, 200),
        ({"x-api-key": "other", "anthropic-version": "2023-06-01"}, 401),
        (
            {
                "x-api-key": v.API_KEY,
                "authorization": f"Bearer {v.API_KEY}",
                "anthropic-version": "2023-06-01",
            },
            401,
        ),
        ({}, 401),
    ],
)
def test_it_takes_exactly_one_right_credential(vendor, headers, status):
    assert httpx.post(vendor.url + "/v1/messages", headers=headers, json=ASK).status_code == status


def test_oauth_tokens_need_their_beta():
    with Vendor(v.OAUTH_TOKEN) as vendor:
        headers = {"authorization": f"Bearer {v.OAUTH_TOKEN}", "anthropic-version": "2023-06-01"}
        assert httpx.post(vendor.url + "/v1/messages", headers=headers, json=ASK).status_code == 401
        headers["anthropic-beta"] = f"x,{v.OAUTH_BETA}"
        assert httpx.post(vendor.url + "/v1/messages", headers=headers, json=ASK).status_code == 200


def test_parts_gates_and_a_client_that_leaves():
    with FakeServer() as server:
        gate = Gate()
        server.say(Answer(parts=[b"one", gate, b"two"], framing="chunked"))
        client = socket.create_connection(("127.0.0.1", server.port))
        client.sendall(b"POST /x HTTP/1.1\r\nA: 1\r\na: 2\r\ncontent-length: 2\r\n\r\nhi")
        got = b""
        while b"one" not in got:
            got += client.recv(4096)
        assert b"two" not in got
        assert server.last.all("a") == [b"1", b"2"]
        assert server.last.body == b"hi"
        left_at = time.monotonic()
        client.close()
        assert server.last.wait_gone() - left_at < 0.5


def test_a_reset_and_a_cut_are_seen_by_the_client():
    with FakeServer() as server:
        for ending in (RESET, CUT):
            server.say(Answer(parts=[b"one", ending], framing="chunked"))
            with pytest.raises((httpx.RemoteProtocolError, httpx.ReadError)):
                httpx.get(server.url)
        server.say(Answer(parts=[b"short"], length=100, close=True))
        with pytest.raises(httpx.RemoteProtocolError):
            httpx.get(server.url)
