"""Which price rows hold for a place: only what stays in a region of a cloud that charges for it has others."""

from __future__ import annotations

import pytest

from gateway.usage.prices.places import ANYWHERE, regional
from providers.catalog.records import ProviderRecord

ARN = "arn:aws:bedrock:eu-central-1:123456789012:"


@pytest.mark.parametrize(
    ("kind", "options", "model", "region", "rows"),
    [
        ("bedrock", {"region": "eu-central-1"}, "anthropic.claude-x", "", "bedrock/regional"),
        ("bedrock", {"region": "eu-central-1"}, "eu.anthropic.claude-x", "", "bedrock/regional"),
        ("bedrock", {"region": "eu-central-1"}, "global.anthropic.claude-x", "", ""),
        ("bedrock", {"region": "us-east-1"}, f"{ARN}inference-profile/global.anthropic.claude-x", "", ""),
        (
            "bedrock",
            {"region": "us-east-1"},
            f"{ARN}application-inference-profile/a1",
            "",
            "bedrock/regional",
        ),
        ("vertex", {"project": "p"}, "claude-x", "", ""),
        ("vertex", {"project": "p", "region": "global"}, "claude-x", "", ""),
        ("vertex", {"project": "p", "region": "eu"}, "claude-x", "", "vertex/regional"),
        ("vertex", {"project": "p"}, "claude-x", "europe-west1", "vertex/regional"),
        ("vertex", {"project": "p", "region": "eu"}, "claude-x", "global", ""),
        ("vertex", {"project": "p"}, "claude-x", ANYWHERE, "vertex/regional"),
        ("anthropic-aws", {"region": "eu-west-1"}, "claude-x", "", ""),
        ("openai-compatible", {"tools": "xml"}, "m", ANYWHERE, ""),
        ("of-another-version", {"region": "eu"}, "m", "", ""),
    ],
)
def test_rows_of_a_place(kind: str, options: dict[str, str], model: str, region: str, rows: str) -> None:
    record = ProviderRecord("p", kind, "", options=options)
    assert regional(record, model, region) == rows
