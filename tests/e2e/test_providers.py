"""Providers and routes of calls: keys, chains, aliases, the model map, probes, and what a client can't reach."""

from __future__ import annotations

import json
from collections.abc import Callable

from tests.e2e.conftest import ROUTED
from tests.e2e.routing import chat, messages, post, provide, route, said, tied
from tests.fakes.openai_strict import API_KEY as STRICT_KEY
from tests.fakes.openai_strict import StrictOpenAi
from tests.fakes.openai_vendor import KEY, OpenAiVendor
from tests.fakes.server import Answer
from tests.fakes.vendor import Vendor, error_answer
from tests.harness import GatewayProcess, Token


def test_a_provider_is_called_with_its_own_key_and_nothing_of_the_clients(
    routed: GatewayProcess, other: OpenAiVendor
) -> None:
    provide(routed, other, models=["gpt-x"], headers={"x-team": "blue"})
    mine = routed.issue("own")
    headers = [
        mine.bearer,
        ("content-type", "application/json"),
        ("x-forwarded-host", "evil.example"),
        ("x-stainless-os", "Linux"),
        ("openai-beta", "assistants=v2"),
        ("openai-organization", "org-of-the-client"),
        ("user-agent", "client"),
    ]
    body = b'{"model":"gpt-x",  "messages":[{"role":"user","content":"hi"}]}'
    answer = routed.ask("POST", "/v1/chat/completions", headers, body)
    assert said(answer) == "gpt-x heard: hi"
    seen = other.last
    assert (seen.target, seen.body) == (b"/v1/chat/completions", body)
    assert {name.decode().lower() for name, _ in seen.headers} == {
        "host", "content-type", "accept", "accept-encoding", "openai-beta", "x-team", "authorization", "content-length",
    }  # fmt: skip
    row = routed.exchanges(mine)[0]
    assert (row["provider"], row["account"], row["input_tokens"]) == ("other", "", 11)


def test_both_surfaces_reach_it_and_both_can_stream(routed: GatewayProcess, other: OpenAiVendor) -> None:
    provide(routed, other, models=["gpt-x"])
    assert said(messages(routed, "gpt-x")) == "gpt-x heard: hello"
    stream = messages(routed, "gpt-x", stream=True)
    assert b"event: message_stop" in stream.body and b"gpt-x heard: hello" in stream.body
    stream = chat(routed, "gpt-x", stream=True)
    assert stream.body.endswith(b"data: [DONE]\n\n") and b'"choices": []' not in stream.body


def test_the_key_of_the_environment_goes_first(routed: GatewayProcess, other: OpenAiVendor) -> None:
    other.key = ROUTED["OTHER_KEY"]
    provide(routed, other, models=["gpt-x"], api_key_env="OTHER_KEY")
    assert said(chat(routed, "gpt-x")) == "gpt-x heard: hello"


def test_a_change_holds_at_the_next_call(routed: GatewayProcess, other: OpenAiVendor) -> None:
    provide(routed, other, models=["gpt-5-mini"])
    assert said(chat(routed, "gpt-5-mini")) == "gpt-5-mini heard: hello"
    routed.admin("PATCH", "/api/providers/other", {"enabled": False})
    assert said(chat(routed, "gpt-5-mini")) == "You said: hello"  # the model map, on Anthropic


def test_the_model_map_and_unknown_names(routed: GatewayProcess, vendor: Vendor) -> None:
    answer = chat(routed, "gpt-4o-mini")
    assert said(answer) == "You said: hello" and answer.json()["model"] == "gpt-4o-mini"
    assert json.loads(vendor.last.body)["model"] == "claude-haiku-4-5-20251001"
    assert said(chat(routed, "claude-future-9")) == "You said: hello"
    assert json.loads(vendor.last.body)["model"] == "claude-future-9"
    unknown = chat(routed, "gtp-4o")
    assert (unknown.status, unknown.json()["error"]["code"]) == (404, "model_not_found")
    assert unknown.json()["error"]["param"] == "model"
    assert said(messages(routed, "not-a-claude")) == "You said: hello"  # same dialect: the upstream judges


def test_an_alias_is_mapped_back_in_every_answer(routed: GatewayProcess, other: OpenAiVendor) -> None:
    provide(routed, other)
    route(routed, "claude-proxy-x", "other", upstream_model="real-x")
    mine = routed.issue("alias")
    for ask in (chat, messages):
        answer = ask(routed, "claude-proxy-x", token=mine)
        assert (said(answer), answer.json()["model"]) == ("real-x heard: hello", "claude-proxy-x")
        stream = ask(routed, "claude-proxy-x", token=mine, stream=True)
        assert b"claude-proxy-x" in stream.body and b'"model": "real-x"' not in stream.body
    assert [row["model_served"] for row in routed.exchanges(mine, 4)] == ["real-x"] * 4


def test_a_pattern_carries_what_it_matched(routed: GatewayProcess, other: OpenAiVendor) -> None:
    provide(routed, other)
    route(routed, "or/*", "other", upstream_model="*")
    assert said(chat(routed, "or/kimi/k2")) == "kimi/k2 heard: hello"


def test_responses_are_found_out_once(routed: GatewayProcess) -> None:
    with OpenAiVendor(has_responses=False) as poor:
        provide(routed, poor, "poor", models=["gpt-p"])
        for _ in range(2):
            answer = post(routed, "/v1/responses", {"model": "gpt-p", "input": "hi", "store": False})
            assert (
                answer.status == 200 and answer.json()["output"][0]["content"][0]["text"] == "gpt-p heard: hi"
            )
        assert [seen.path for seen in poor.seen] == [
            b"/v1/responses",
            b"/v1/chat/completions",
            b"/v1/chat/completions",
        ]


def test_native_responses_and_an_unknown_model_is_no_missing_api(
    routed: GatewayProcess, other: OpenAiVendor
) -> None:
    provide(routed, other, models=["gpt-x", "gone-x"])
    assert post(routed, "/v1/responses", {"model": "gone-x", "input": "hi"}).status == 404
    answer = post(routed, "/v1/responses", {"model": "gpt-x", "input": "hi"})
    assert answer.json()["output"][0]["content"][0]["text"] == "natively"


def test_a_provider_that_has_responses_only_serves_every_surface(routed: GatewayProcess) -> None:
    with StrictOpenAi() as upstream:
        fields = {"base_url": upstream.url, "models": ["gpt-5.6"], "api_key": STRICT_KEY, "responses": "only"}
        answer = routed.admin("POST", "/api/providers", {"name": "other", **fields})
        assert answer.status == 200, answer
        assert said(chat(routed, "gpt-5.6")) == said(messages(routed, "gpt-5.6")) == "You said: hello"
        assert b"data: [DONE]" in chat(routed, "gpt-5.6", stream=True).body
        assert b"event: message_stop" in messages(routed, "gpt-5.6", stream=True).body
        assert {seen.path for seen in upstream.seen} == {b"/v1/responses"}
        assert len(upstream.seen) == 4


def test_forwarded_paths_reach_openai_compatible_providers_only(
    routed: GatewayProcess, other: OpenAiVendor, vendor: Vendor
) -> None:
    body = {"model": "text-embedding-x", "input": "hi"}
    refused = post(routed, "/v1/embeddings", body)
    assert refused.status == 404 and refused.json()["error"]["type"] == "invalid_request_error"
    provide(routed, other)
    assert post(routed, "/v1/embeddings", body).json()["model"] == "text-embedding-x"
    assert vendor.seen == []


def test_a_token_tied_to_a_provider_goes_nowhere_else(routed: GatewayProcess, other: OpenAiVendor) -> None:
    provide(routed, other)
    token = tied(routed)
    body = {"model": "claude-sonnet-5-5", "messages": [{"role": "user", "content": "hi"}]}
    answer = post(routed, "/v1/chat/completions", body, token)
    assert said(answer) == "claude-sonnet-5-5 heard: hi"
    routed.admin("PATCH", "/api/providers/other", {"enabled": False})
    assert post(routed, "/v1/chat/completions", body, token).status == 404


def test_a_redirect_is_not_followed(routed: GatewayProcess, other: OpenAiVendor) -> None:
    provide(routed, other, models=["gpt-x"])
    other.say(Answer(302, [("location", "http://127.0.0.1:1/evil")], [b""]))
    answer = chat(routed, "gpt-x")
    assert len(other.seen) == 1 and answer.status in (302, 502)


def test_no_key_is_ever_shown(routed: GatewayProcess, other: OpenAiVendor) -> None:
    provide(routed, other, models=["gpt-x"], headers={"x-secret": "CANARY-header"})
    assert said(chat(routed, "gpt-x")) == "gpt-x heard: hello"
    shown = routed.admin("GET", "/api/providers").body + routed.admin("GET", "/api/providers/other").body
    assert b"CANARY" not in shown and b"gcm1" not in shown
    assert KEY not in routed.log() and "CANARY-header" not in routed.log()


def test_a_provider_s_default_model_serves_calls_that_name_none(
    routed: GatewayProcess, other: OpenAiVendor
) -> None:
    provide(routed, other, default_model="gpt-default")
    token = tied(routed)
    for body in (
        {"messages": [{"role": "user", "content": "hi"}]},
        {"model": "", "messages": [{"content": "hi"}]},
    ):
        assert said(post(routed, "/v1/chat/completions", body, token)) == "gpt-default heard: hi"


def test_a_token_must_be_allowed_the_asked_name_and_the_served_one(
    routed: GatewayProcess, other: OpenAiVendor
) -> None:
    provide(routed, other)
    fallbacks = [{"provider": "other", "model": "cheap"}, {"provider": "other", "model": "dear"}]
    route(routed, "m", "other", upstream_model="busy", fallbacks=fallbacks)
    issued = routed.admin("POST", "/api/tokens", {"allowed_models": ["m", "busy", "dear"]}).json()
    few = Token(issued["token"], issued["id"])
    assert said(chat(routed, "m", few)) == "dear heard: hello"
    routed.admin("PATCH", f"/api/tokens/{few.id}", {"allowed_models": ["m"]})
    assert chat(routed, "m", few).status == 403
    routed.admin("PATCH", f"/api/tokens/{few.id}", {"allowed_models": ["busy", "dear", "cheap"]})
    assert chat(routed, "m", few).status == 403


def test_bedrock_callers_reach_it_too(routed: GatewayProcess, other: OpenAiVendor) -> None:
    provide(routed, other)
    route(routed, "claude-b", "other", upstream_model="gpt-x")
    asked = [{"role": "user", "content": "hi"}]
    body = {"anthropic_version": "bedrock-2023-05-31", "max_tokens": 9, "messages": asked}
    assert said(post(routed, "/model/claude-b/invoke", body)) == "gpt-x heard: hi"


def test_the_provider_of_the_settings_serves_what_nobody_else_does(
    start: Callable[..., GatewayProcess], other: OpenAiVendor, vendor: Vendor
) -> None:
    boot = {
        "UPSTREAM_PROVIDER": "openai-compatible",
        "OPENAI_COMPATIBLE_BASE_URL": f"{other.url}/v1/",
        "OPENAI_COMPATIBLE_API_KEY": KEY,
        "OPENAI_COMPATIBLE_API_KEY_ENV": "SOMETHING_ELSE",
        "SOMETHING_ELSE": "wrong",
        "OPENAI_COMPATIBLE_MODEL": "gpt-default",
        "ANTHROPIC_API_KEY": "",
    }
    gateway = start("daphne", boot)
    assert said(messages(gateway, "claude-x")) == "claude-x heard: hello"  # no account and no key
    unnamed = {"messages": [{"content": "hi"}]}
    assert said(post(gateway, "/v1/chat/completions", unnamed)) == "gpt-default heard: hi"
    listed = gateway.ask("GET", "/v1/models", [gateway.token.bearer]).json()["data"]
    assert [row["id"] for row in listed] == ["gpt-test", "gpt-default"]
    assert vendor.seen == []
    told = json.loads(gateway.manage("routes", "test", "claude-x", "--json"))
    assert [step["reason"] for step in told["chain"]] == ["the boot provider"]
    assert KEY not in gateway.log()


def test_a_model_that_nobody_has_is_told_each_time(routed: GatewayProcess, vendor: Vendor) -> None:
    for _ in range(3):
        vendor.say(error_answer(404, "model: claude-nope"))
        answer = messages(routed, "claude-nope")
        assert answer.status == 404 and "claude-nope" in answer.json()["error"]["message"]
