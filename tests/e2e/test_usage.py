"""One row per exchange, with what the vendor counted; and what the figures shown to people say."""

from __future__ import annotations

import gzip
import time
import uuid

import pytest

from tests.e2e.calls import ASK, STREAM
from tests.fakes import vendor as v
from tests.fakes.server import CUT, Answer, Gate
from tests.rawhttp import RawClient

COUNTED = {
    "input_tokens": v.INPUT_TOKENS,
    "cache_read_tokens": v.CACHE_READ_TOKENS,
    "cache_write_5m_tokens": v.CACHE_WRITE_TOKENS,
    "cache_write_1h_tokens": 0,
    "output_tokens": v.OUTPUT_TOKENS,
}


def call(gateway, token, body=ASK, path="/v1/messages"):
    return gateway.ask("POST", path, [token.bearer, ("anthropic-version", "2023-06-01")], body)


def counts(row):
    return {name: row[name] for name in COUNTED}


@pytest.mark.parametrize("body", [ASK, STREAM], ids=["whole", "stream"])
def test_one_row_with_the_vendors_counts(entry_point, vendor, body):
    token = entry_point.issue("counted")
    answer = call(entry_point, token, body)
    assert answer.status == 200
    [row] = entry_point.exchanges(token)
    assert counts(row) == COUNTED
    assert (row["status"], row["upstream_status"], row["surface"]) == (200, 200, "messages")
    assert (row["token_label"], row["provider"]) == ("counted", "anthropic")
    assert row["account"] in {
        account["name"] for account in entry_point.admin("GET", "/v1/accounts").json()["accounts"]
    }
    assert row["model_asked"] == row["model_served"] == "claude-sonnet-5-5"
    assert bool(row["is_stream"]) is (body is STREAM)
    assert 0 < row["first_byte_seconds"] <= row["total_seconds"]
    assert 0 <= row["overhead_seconds"] < 0.5
    assert row["bytes_out"] == len(body)
    assert row["bytes_in"] == len(answer.body)
    assert uuid.UUID(row["id"]).version == 7


@pytest.mark.parametrize("kind", ["json", "stream"])
def test_counts_are_read_through_a_coding(gateway, vendor, kind):
    token = gateway.issue("coded")
    raw = b"".join(v.events("m", v.text("hi")))
    if kind == "json":
        raw = bytes(v.json_answer(v.message("m", v.text("hi"))).parts[0])
    content_type = v.EVENT_STREAM if kind == "stream" else v.JSON
    vendor.say(Answer(200, [content_type, ("content-encoding", "gzip")], [gzip.compress(raw)], "chunked"))
    call(gateway, token, STREAM if kind == "stream" else ASK)
    [row] = gateway.exchanges(token)
    assert counts(row) == COUNTED


def test_a_client_that_left_is_499_with_what_was_seen(gateway, vendor):
    token = gateway.issue("left")
    vendor.say(v.stream_answer([*v.events("m", v.text("hi"))[:3], Gate()]))
    with RawClient(gateway.port) as client:
        client.ask("POST", "/v1/messages", [token.bearer, ("anthropic-version", "2023-06-01")], STREAM)
        client.head()
        client.until(b"content_block_start")
    [row] = gateway.exchanges(token)
    assert row["status"] == 499
    assert row["input_tokens"] == v.INPUT_TOKENS


def test_errors_have_rows_too(gateway, vendor):
    token = gateway.issue("errors")
    vendor.say(v.error_answer(400))
    call(gateway, token)
    call(gateway, token, path="/v1/nothing")
    vendor.say(v.stream_answer([v.events("m", v.text("hi"))[0], CUT]))
    call(gateway, token, STREAM)
    refused, unknown, cut = gateway.exchanges(token, 3)
    assert (refused["status"], refused["upstream_status"], refused["is_refusal"]) == (400, 400, 0)
    assert (unknown["status"], unknown["upstream_status"], unknown["is_refusal"]) == (404, None, 1)
    assert cut["failure_kind"] == "upstream"
    assert cut["input_tokens"] == v.INPUT_TOKENS


def test_many_exchanges_many_rows_each_once(gateway, vendor):
    token = gateway.issue("many")
    with RawClient(gateway.port) as client:
        for _ in range(60):
            client.ask("POST", "/v1/messages", [token.bearer, ("anthropic-version", "2023-06-01")], ASK)
            assert client.response().status == 200
    rows = gateway.exchanges(token, 60)
    assert len(rows) == len({row["id"] for row in rows}) == 60
    time.sleep(1.2)  # a writer that wrote twice would have by now
    assert len(gateway.exchanges(token, 60)) == 60
    [daily] = gateway.rows("SELECT * FROM gateway_daily WHERE token_id = ?", token.id)
    assert (daily["requests"], daily["output_tokens"]) == (60, 60 * v.OUTPUT_TOKENS)


def test_nothing_is_lost_at_the_end(start, vendor):
    for server in ("daphne", "uvicorn"):
        own = start(server)
        for _ in range(5):
            call(own, own.token)
        assert own.stop() in (0, -15)
        assert len(own.exchanges(own.token, 5)) == 5


def test_usage_and_metrics_count_every_answer(start, vendor):
    own = start("uvicorn")
    before = own.admin("GET", "/v1/usage").json()
    assert call(own, own.token).status == 200
    vendor.say(v.error_answer(400))
    assert call(own, own.token).status == 400
    assert own.ask("POST", "/v1/messages", [], ASK).status == 401
    after = own.admin("GET", "/v1/usage").json()
    keys = ("requests_total", "errors_total", "bytes_in", "bytes_out", "openai_chat_completions")
    more = ("openai_responses", "anthropic_messages", "tokens_issued", "tokens_revoked", "status_counts")
    assert {*keys, *more, "account_calls"} <= set(after)
    assert after["requests_total"] - before["requests_total"] >= 3
    assert after["status_counts"]["400"] >= 1
    metrics = own.admin("GET", "/metrics")
    assert metrics.get("content-type").startswith("text/plain; version=0.0.4")
    text = metrics.body.decode()
    for line in (
        "# TYPE link_assistant_requests_total counter",
        'link_assistant_status_total{code="400"}',
        'link_assistant_status_total{code="401"}',
        "link_assistant_anthropic_messages_total",
        "link_assistant_tokens_issued_total",
    ):
        assert line in text
