"""What models are called at Bedrock, and by which API."""

from __future__ import annotations

import pytest

from providers.clouds.model_ids import api_of, bedrock_id

MODEL = "claude-haiku-4-5-20251001"


@pytest.mark.parametrize(
    ("model", "api", "there"),
    [
        (MODEL, "", f"anthropic.{MODEL}-v1:0"),
        (MODEL, "invoke", f"anthropic.{MODEL}-v1:0"),
        (MODEL, "messages", f"anthropic.{MODEL}"),
        (MODEL, "mantle", f"anthropic.{MODEL}"),
        ("claude-of-tomorrow", "", "claude-of-tomorrow"),
        ("us.anthropic.claude-x-v1:0", "messages", "us.anthropic.claude-x-v1:0"),
    ],
)
def test_the_shipped_id_else_the_name(model: str, api: str, there: str) -> None:
    assert bedrock_id(model, api) == there


@pytest.mark.parametrize(
    ("there", "api"),
    [
        ("arn:aws:bedrock:eu-central-1:1:inference-profile/x", "invoke"),
        ("eu.anthropic.claude-x", "invoke"),
        ("global.anthropic.claude-x", "invoke"),
        ("anthropic.claude-x-v1:0", "invoke"),
        ("anthropic.claude-x-v2", "invoke"),
        ("anthropic.claude-opus-4-6", "messages"),
    ],
)
def test_auto_goes_by_the_id(there: str, api: str) -> None:
    assert api_of("auto", there) == api == api_of("", there)
    assert api_of("mantle", there) == "mantle"
