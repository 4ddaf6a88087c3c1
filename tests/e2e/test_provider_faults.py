"""Providers that fail: fallbacks, the last refusal, cooldowns of a provider's own key, circuit breakers, timeouts."""

from __future__ import annotations

import json
import time
from collections.abc import Callable

import pytest

from tests.e2e.routing import chat, messages, post, provide, route, said
from tests.e2e.test_shared_limits import until
from tests.fakes.openai_vendor import OpenAiVendor, json_answer
from tests.fakes.server import Gate
from tests.fakes.vendor import Vendor, error_answer, event, stream_answer
from tests.harness import GatewayProcess


@pytest.mark.parametrize("bad", ["busy", "limited", "small", "gone"])
def test_a_fallback_takes_over_before_the_first_byte(
    routed: GatewayProcess, other: OpenAiVendor, vendor: Vendor, bad: str
) -> None:
    provide(routed, other)
    fallbacks = [
        {"provider": "other", "model": f"{bad}-2"},
        {"provider": "anthropic", "model": "claude-sonnet-5-5"},
    ]
    route(routed, "claude-chain", "other", upstream_model=f"{bad}-1", fallbacks=fallbacks)
    assert said(messages(routed, "claude-chain")) == "You said: hello"
    assert [body["model"] for body in other.bodies()] == [f"{bad}-1", f"{bad}-2"]
    assert json.loads(vendor.last.body)["model"] == "claude-sonnet-5-5"


def test_overflow_at_anthropic_goes_to_the_larger_model(
    routed: GatewayProcess, other: OpenAiVendor, vendor: Vendor
) -> None:
    provide(routed, other)
    route(routed, "claude-opus-5-5", "anthropic", fallbacks=[{"provider": "other", "model": "long-context"}])
    vendor.say(error_answer(400, "prompt is too long: 250000 tokens > 200000 maximum"))
    answer = messages(routed, "claude-opus-5-5")
    assert (said(answer), answer.json()["model"]) == ("long-context heard: hello", "claude-opus-5-5")


def test_a_chain_that_fails_tells_its_last_refusal(routed: GatewayProcess, other: OpenAiVendor) -> None:
    provide(routed, other)
    route(
        routed, "m", "other", upstream_model="busy-1", fallbacks=[{"provider": "other", "model": "small-1"}]
    )
    answer = chat(routed, "m")
    assert (answer.status, answer.json()["error"]["code"]) == (400, "context_length_exceeded")


def test_the_request_s_own_fault_is_not_tried_elsewhere(routed: GatewayProcess, other: OpenAiVendor) -> None:
    provide(routed, other)
    route(routed, "m", "anthropic", upstream_model="claude-x", fallbacks=[{"provider": "other", "model": ""}])
    answer = post(routed, "/v1/messages", {"model": "m", "messages": []})
    assert answer.status == 400 and "max_tokens" in answer.json()["error"]["message"]
    assert other.seen == []


def test_a_limited_key_is_on_cooldown_and_says_for_how_long(
    routed: GatewayProcess, other: OpenAiVendor
) -> None:
    provide(routed, other, models=["limited-x", "gpt-x"])
    assert chat(routed, "limited-x").status == 429
    answer = chat(routed, "limited-x")
    assert answer.status == 429 and 25 <= int(answer.get("retry-after") or 0) <= 33  # with jitter
    assert len(other.seen) == 1
    assert said(chat(routed, "gpt-x")) == "gpt-x heard: hello"  # of that model only


def test_a_provider_that_is_down_opens_its_breaker_and_the_fallback_serves(
    routed: GatewayProcess, other: OpenAiVendor
) -> None:
    provide(routed, other)
    fallbacks = [{"provider": "anthropic", "model": "claude-sonnet-5-5"}]
    route(routed, "m", "other", upstream_model="busy", fallbacks=fallbacks)
    for _ in range(8):
        assert said(chat(routed, "m")) == "You said: hello"
    assert len(other.seen) == 5


@pytest.mark.parametrize("way", ["api", "command"])
def test_a_refused_key_is_on_cooldown_until_an_operator_clears_it(
    start: Callable[..., GatewayProcess], other: OpenAiVendor, way: str
) -> None:
    """No account is to be cleared: the key is the provider's own, and so is its cooldown."""
    gateway = start("uvicorn")
    provide(gateway, other, models=["gpt-x"])
    other.say(json_answer({"error": {"message": "no", "type": "permission_error"}}, 403))
    assert chat(gateway, "gpt-x").status == 403
    assert chat(gateway, "gpt-x").status == 429 and len(other.seen) == 1
    if way == "api":
        assert gateway.admin("POST", "/api/providers/other/clear").json() == {"cleared": "other"}
        assert (
            said(chat(gateway, "gpt-x")) == "gpt-x heard: hello"
        )  # no waiting: it held before the answer came
    else:
        assert gateway.manage("providers", "clear", "other") == "cleared other\n"
        until(lambda: chat(gateway, "gpt-x").status == 200, 5)
    assert gateway.admin("POST", "/api/providers/nobody/clear").status == 404


def test_a_stream_that_begins_with_an_error_goes_to_the_fallback(
    routed: GatewayProcess, other: OpenAiVendor, vendor: Vendor
) -> None:
    provide(routed, other)
    route(routed, "claude-x", "anthropic", fallbacks=[{"provider": "other", "model": "gpt-x"}])
    failure = {"type": "overloaded_error", "message": "Overloaded"}
    vendor.say(stream_answer([event("error", error=failure)]))
    answer = messages(routed, "claude-x", stream=True)
    assert b"gpt-x heard: hello" in answer.body and b"overloaded" not in answer.body
    assert answer.body.count(b"event: message_start") == 1


def test_a_provider_s_own_timeouts_hold(routed: GatewayProcess, other: OpenAiVendor) -> None:
    provide(routed, other, models=["gpt-x"], first_byte_timeout_seconds=0.3)
    gate = Gate()
    slow = json_answer({})
    slow.before_head = gate
    other.say(slow)
    began = time.monotonic()
    assert chat(routed, "gpt-x").status == 504
    assert time.monotonic() - began < 3
    gate.open()
