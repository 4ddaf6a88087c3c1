"""The OpenAI Python SDK with a token of ours, whatever serves: the same day everywhere."""

from __future__ import annotations

import json

import openai
import pytest

from tests.e2e import openai_day
from tests.fakes import vendor as v


def client(gateway, token=None) -> openai.OpenAI:
    secret = (token or gateway.token).secret
    return openai.OpenAI(base_url=gateway.url + "/v1", api_key=secret, max_retries=0)


@pytest.mark.parametrize("step", openai_day.STEPS, ids=lambda step: step.__name__)
def test_on_an_anthropic_upstream(entry_point, vendor, step):
    with client(entry_point) as sdk:
        step(sdk, "claude-sonnet-5-5")
    for seen in vendor.seen:
        assert entry_point.token.secret.encode() not in seen.raw_head + seen.body
        assert seen.get("x-api-key") == v.API_KEY.encode()


@pytest.mark.parametrize("status", openai_day.REFUSALS)
@pytest.mark.parametrize(
    "step", [openai_day.refused, openai_day.refused_stream], ids=lambda step: step.__name__
)
def test_refusals_of_an_anthropic_upstream(gateway, vendor, step, status):
    with client(gateway) as sdk:
        step(sdk, "claude-sonnet-5-5", status)


@pytest.mark.parametrize("model", ["gpt-5.6", "gpt-5.6-mini", "llama-4-70b"])
@pytest.mark.parametrize("step", openai_day.STEPS, ids=lambda step: step.__name__)
def test_on_openai_compatible_upstreams(mixed, step, model):
    """Responses as they are, over Chat Completions, and found out to be missing."""
    with client(mixed) as sdk:
        step(sdk, model)


@pytest.mark.parametrize("status", openai_day.REFUSALS)
@pytest.mark.parametrize(
    "step", [openai_day.refused, openai_day.refused_stream], ids=lambda step: step.__name__
)
@pytest.mark.parametrize("responses", ["native", "translate"])
def test_refusals_of_an_openai_compatible_upstream(mixed, openai_vendor, step, status, responses):
    """A provider of the test's own: a refused key is on cooldown, and no other test shall find it so."""
    name = f"refusing-{step.__name__}-{status}-{responses}"
    base = {"base_url": f"{openai_vendor.url}/v1", "api_key": openai_vendor.credential}
    mixed.admin("POST", "/api/providers", {"name": name, "responses": responses, **base})
    mixed.admin("POST", "/api/routes", {"model": name, "provider": name, "upstream_model": "gpt-5.6"})
    with client(mixed) as sdk:
        step(sdk, name, status)


def test_embeddings_are_passed_on(mixed):
    with client(mixed) as sdk:
        answer = sdk.embeddings.create(
            model="text-embedding-4-small", input=["a", "bcd"], encoding_format="float"
        )
        assert [each.embedding for each in answer.data] == [[0.5, 1.0], [0.5, 3.0]]
        listed = {model.id for model in sdk.models.list()}
    assert {"gpt-5.6", "llama-4-70b", "claude-proxy-gpt", v.MODELS[0]} <= listed


def test_what_the_vendor_is_asked(gateway, vendor):
    with client(gateway) as sdk:
        openai_day.chat_structured(sdk, "claude-sonnet-5-5")
        body = json.loads(vendor.last.body)
        assert body["output_config"]["format"]["type"] == "json_schema"
        openai_day.chat_image(sdk, "claude-sonnet-5-5")
        image = json.loads(vendor.last.body)["messages"][0]["content"][0]
        assert image["source"] == {"type": "base64", "media_type": "image/png", "data": openai_day.PIXEL}
        sdk.chat.completions.create(
            model="claude-sonnet-5-5",
            messages=[openai_day.user("hi")],
            temperature=0.5,
            reasoning_effort="high",
        )
        body = json.loads(vendor.last.body)
        assert "temperature" not in body
        assert body["output_config"]["effort"] == "high"


def test_thinking_comes_as_a_reasoning_item_and_goes_back_sealed(gateway, vendor):
    ask = {
        "model": "claude-sonnet-5-5",
        "tools": [openai_day.FLAT_TOOL],
        "reasoning": {"effort": "high", "summary": "auto"},
        "store": False,
        "include": ["reasoning.encrypted_content"],
    }
    with client(gateway) as sdk:
        history = [openai_day.user("THINK RUN echo 42")]
        with sdk.responses.stream(input=history, **ask) as stream:
            first = stream.get_final_response()
        assert [item.type for item in first.output] == ["reasoning", "message", "function_call"]
        assert first.output[0].summary[0].text == "Let me see…"
        assert v.SIGNATURE not in first.output[0].encrypted_content
        result = {"type": "function_call_output", "call_id": first.output[2].call_id, "output": "42"}
        second = sdk.responses.create(input=[*history, *first.output, result], **ask)
    assert second.output_text == "The command said: 42"
    turn = json.loads(vendor.last.body)["messages"][1]
    assert turn["content"][0] == v.thinking("Let me see…")


def test_a_stored_response_belongs_to_its_token(gateway, vendor):
    other = gateway.issue("other")
    with client(gateway) as mine, client(gateway, other) as theirs:
        first = mine.responses.create(model="claude-sonnet-5-5", input="hi")
        with pytest.raises(openai.NotFoundError, match=first.id):
            theirs.responses.create(model="claude-sonnet-5-5", input="hi", previous_response_id=first.id)


def test_an_unknown_token(gateway):
    sdk = openai.OpenAI(base_url=gateway.url + "/v1", api_key="la_sk_no", max_retries=0)
    with sdk, pytest.raises(openai.AuthenticationError, match="Invalid token") as raised:
        sdk.responses.create(model="claude-sonnet-5-5", input="hi")
    assert raised.value.code == "invalid_api_key"
