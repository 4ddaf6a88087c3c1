"""The Anthropic SDK's three clients with a token of ours, on Anthropic and on an OpenAI-compatible upstream."""

from __future__ import annotations

import json

import anthropic
import pytest

from tests.e2e import anthropic_day
from tests.fakes import vendor as v
from tests.harness import Token


def plain(gateway):
    return anthropic.Anthropic(base_url=gateway.url, auth_token=gateway.token.secret, max_retries=0)


def bedrock(gateway):
    return anthropic.AnthropicBedrock(
        base_url=gateway.url, api_key=gateway.token.secret, aws_region="us-east-1", max_retries=0
    )


def bedrock_signed(gateway):
    """Make a client that signs for AWS whatever it is told: our token travels beside its signature."""
    return anthropic.AnthropicBedrock(
        base_url=gateway.url,
        aws_access_key="AKIAFAKE",
        aws_secret_key="fake",
        aws_region="us-east-1",
        default_headers={"x-api-key": gateway.token.secret},
        max_retries=0,
    )


def vertex(gateway):
    return anthropic.AnthropicVertex(
        base_url=gateway.url + "/v1",
        access_token=gateway.token.secret,
        project_id="my-project",
        region="europe-west1",
        max_retries=0,
    )


CLIENTS = {
    plain: "claude-sonnet-4-6",
    bedrock: "us.anthropic.claude-sonnet-4-6",
    bedrock_signed: "us.anthropic.claude-sonnet-4-6",
    vertex: "claude-sonnet-4-6",
}
"""With the name that each gives the same model."""


def named(value):
    return getattr(value, "__name__", None)


@pytest.mark.parametrize("step", anthropic_day.STEPS, ids=named)
@pytest.mark.parametrize("make", CLIENTS, ids=named)
def test_on_an_anthropic_upstream(gateway, vendor, make, step):
    with make(gateway) as sdk:
        step(sdk, CLIENTS[make])
    for seen in vendor.seen:
        assert seen.path == b"/v1/messages"
        assert json.loads(seen.body)["model"] == "claude-sonnet-4-6"
        assert seen.get("x-api-key") == v.API_KEY.encode()
        assert seen.get("authorization") is None
        assert gateway.token.secret.encode() not in seen.raw_head + seen.body


@pytest.mark.parametrize("model", ["claude-proxy-gpt", "claude-proxy-llama"])
@pytest.mark.parametrize("step", anthropic_day.STEPS, ids=named)
@pytest.mark.parametrize("make", CLIENTS, ids=named)
def test_on_an_openai_compatible_upstream(mixed, vendor, make, step, model):
    with make(mixed) as sdk:
        step(sdk, model)
    assert vendor.seen == []


@pytest.mark.parametrize("status", anthropic_day.REFUSALS)
@pytest.mark.parametrize("make", CLIENTS, ids=named)
@pytest.mark.parametrize("model", ["claude-sonnet-4-6", "claude-proxy-gpt"])
def test_refusals(mixed, make, model, status):
    with make(mixed) as sdk:
        anthropic_day.refused(sdk, model, status)


def test_betas_reach_the_vendor_as_its_header(gateway, vendor):
    for make, model in CLIENTS.items():
        with make(gateway) as sdk:
            sdk.beta.messages.create(**anthropic_day.ask(model, "hi"), betas=["context-1m-2025-08-07"])
        assert vendor.last.all("anthropic-beta") == [b"context-1m-2025-08-07"]
        assert len(vendor.last.all("anthropic-version")) == 1
        assert "anthropic_beta" not in json.loads(vendor.last.body)
        assert "anthropic_version" not in json.loads(vendor.last.body)


@pytest.mark.parametrize(
    ("make", "model"),
    [
        (bedrock, "us.anthropic.claude-sonnet-4-5-20250929-v1:0"),
        (
            bedrock,
            "arn:aws:bedrock:us-east-1:123:inference-profile/us.anthropic.claude-sonnet-4-5-20250929-v1:0",
        ),
        (vertex, "claude-sonnet-4-5@20250929"),
    ],
    ids=["bedrock", "arn", "vertex"],
)
def test_the_clouds_names_become_the_vendors(gateway, vendor, make, model):
    with make(gateway) as sdk:
        anthropic_day.streamed(sdk, model)
    assert json.loads(vendor.last.body)["model"] == "claude-sonnet-4-5-20250929"


def test_counting(mixed, vendor):
    counted = anthropic_day.ask("claude-sonnet-4-6", "hello " * 100)
    del counted["max_tokens"]
    for make in (plain, vertex):
        with make(mixed) as sdk:
            known = sdk.messages.count_tokens(**counted).input_tokens
            assert known > 100
            assert vendor.last.path == b"/v1/messages/count_tokens"
            answer = sdk.messages.with_raw_response.count_tokens(**{**counted, "model": "claude-proxy-gpt"})
        assert answer.headers["x-token-count"] == "estimated"
        assert 85 <= answer.parse().input_tokens <= 115


@pytest.mark.parametrize("make", [bedrock, vertex], ids=named)
def test_an_unknown_token(gateway, vendor, make, monkeypatch):
    monkeypatch.setattr(gateway, "token", Token("la_sk_no", ""))
    with make(gateway) as sdk, pytest.raises(anthropic.APIStatusError, match="Invalid token") as raised:
        sdk.messages.create(**anthropic_day.ask(CLIENTS[make], "hi"))
    assert raised.value.status_code in (401, 403)
    assert vendor.seen == []
