"""Bedrock's URLs, services and forms."""

from __future__ import annotations

import pytest

from providers.drivers.bedrock import BedrockDriver
from providers.upstream import Credential, CredentialKind
from tests.providers.drivers.test_clouds import asked, built


@pytest.mark.parametrize(
    ("options", "region", "place"),
    [
        ({"region": "eu-west-1"}, "", "https://bedrock-runtime.eu-west-1.amazonaws.com"),
        ({"region": "eu-west-1"}, "us-east-1", "https://bedrock-runtime.us-east-1.amazonaws.com"),
        ({"region": "eu-west-1", "api": "mantle"}, "", "https://bedrock-mantle.eu-west-1.api.aws"),
    ],
)
def test_the_host_names_the_region_an_accounts_own_first(
    options: dict[str, str], region: str, place: str
) -> None:
    assert BedrockDriver().place("", options, region) == place
    assert BedrockDriver().place("http://x/{region}", {"region": "r"}) == "http://x/r"


@pytest.mark.parametrize(
    ("model", "api", "target", "service"),
    [
        ("anthropic.claude-x", "auto", b"/base/anthropic/v1/messages", "bedrock"),
        ("anthropic.claude-x", "mantle", b"/base/anthropic/v1/messages", "bedrock-mantle"),
        ("eu.anthropic.claude-x-v1:0", "auto", b"/base/model/eu.anthropic.claude-x-v1:0/invoke", "bedrock"),
    ],
)
def test_the_path_and_the_service(model: str, api: str, target: bytes, service: str) -> None:
    aws = Credential(CredentialKind.AWS, "")
    order = built("bedrock", asked(), aws, model, region="eu", api=api)
    assert (order.draft.target, order.service, order.region) == (target, service, "eu")


def test_guardrails_of_the_caller_pass_and_a_key_is_a_bearer() -> None:
    order = built("bedrock", asked(((b"x-amzn-bedrock-guardrailidentifier", b"g"),)), region="eu")
    headers = dict(order.draft.headers)
    assert headers[b"x-amzn-bedrock-guardrailidentifier"] == b"g"
    assert headers[b"authorization"] == b"Bearer key-CANARY-123456" and not order.is_looked_for


def test_without_a_key_aws_own_variable_then_the_chain(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AWS_BEARER_TOKEN_BEDROCK", "key-of-the-environment")
    assert BedrockDriver().ambient().kind is CredentialKind.API_KEY
    monkeypatch.delenv("AWS_BEARER_TOKEN_BEDROCK")
    assert BedrockDriver().ambient().kind is CredentialKind.AWS
