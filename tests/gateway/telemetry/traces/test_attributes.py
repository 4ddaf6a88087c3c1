"""The names and values of OpenTelemetry's conventions for generative AI."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import pytest

from gateway.exchange.exchange import Exchange
from gateway.telemetry.traces import attributes
from gateway.telemetry.traces.noted import Asked, Noted
from providers.dialects.types import FailureKind, Usage


def asked(**more: Any) -> Asked:
    given = {
        "provider": "p",
        "kind": "anthropic",
        "account": "a",
        "model": "claude-x",
        "error": "",
        "status": 200,
    }
    given |= {"address": "https://user@api.example.org:8443/v1", "began_at": 1.0, "ended_at": 2.0, **more}
    return Asked(**given)


def noted(exchange: Exchange, *tries: Asked, reasons: tuple[str, ...] = ()) -> Noted:
    return Noted(exchange, "chat", {}, tries, reasons)


def test_a_call_that_was_served() -> None:
    usage = Usage(10, 100, 20, 5, 7)
    exchange = Exchange(
        "id", 1.0, "messages", "POST", status=200, is_stream=True, model_asked="claude-x", model_served="claude-y",
        token_id="t", provider="p", account="a", attempts=1, first_byte_seconds=0.5, usage=usage, cost=Decimal("0.01"),
        currency="USD",
    )  # fmt: skip
    found = attributes.of_call(noted(exchange, asked(), reasons=("end_turn",)))
    assert found == {
        "gen_ai.operation.name": "chat",
        "gen_ai.provider.name": "anthropic",
        "gen_ai.system": "anthropic",
        "gen_ai.request.model": "claude-x",
        "gen_ai.request.stream": True,
        "gen_ai.response.model": "claude-y",
        "gen_ai.response.finish_reasons": ("end_turn",),
        "gen_ai.response.time_to_first_chunk": 0.5,
        "gen_ai.usage.input_tokens": 135,
        "gen_ai.usage.output_tokens": 7,
        "gen_ai.usage.cache_read.input_tokens": 100,
        "gen_ai.usage.cache_creation.input_tokens": 25,
        "http.request.method": "POST",
        "http.response.status_code": 200,
        "gateway.request.id": "id",
        "gateway.surface": "messages",
        "gateway.token.id": "t",
        "gateway.provider": "p",
        "gateway.account": "a",
        "gateway.attempts": 1,
        "gateway.overhead.seconds": 0.0,
        "gateway.cost": "0.01",
        "gateway.cost.currency": "USD",
    }


def test_a_call_that_was_refused_here_knows_no_provider() -> None:
    exchange = Exchange(
        "id", 1.0, "messages", status=429, failure_kind=FailureKind.RATE_LIMIT, failure_message="words"
    )
    found = attributes.of_call(noted(exchange))
    assert found["error.type"] == "rate_limit" and "gen_ai.provider.name" not in found
    assert "gen_ai.usage.input_tokens" not in found and "words" not in str(found)
    assert attributes.error_of(Exchange("id", 1.0, status=499)) == "499"


@pytest.mark.parametrize(
    ("kind", "name"), [("bedrock", "aws.bedrock"), ("vertex", "gcp.vertex_ai"), ("gonka", "gonka")]
)
def test_a_request_to_an_upstream(kind: str, name: str) -> None:
    found = attributes.of_try(noted(Exchange("id", 1.0)), asked(kind=kind, status=None, error="timeout"))
    assert found["gen_ai.provider.name"] == name and found["error.type"] == "timeout"
    assert found["server.address"] == "api.example.org" and "http.response.status_code" not in found


def test_secrets_and_long_words_of_callers_stay_out() -> None:
    exchange = Exchange("id", 1.0, model_asked="sk-ant-api03-CANARY0123456789")
    told = noted(exchange)
    assert "CANARY" not in f"{attributes.span_name(told)}{attributes.of_call(told)}"
    assert len(attributes.plain("x" * 9_000)) == attributes.LENGTH
    assert attributes.of_try(told, asked(address="http://[")).get("server.address") is None
