"""The chain that a call would take, told to people."""

from __future__ import annotations

from typing import Any

from providers import live
from providers.errors import BadRoute
from providers.records import Want

DIALECTS = {
    "messages": "anthropic",
    "chat_completions": "openai_chat",
    "responses": "openai_responses",
    "bedrock": "anthropic",
    "vertex": "anthropic",
}
"""Surfaces and the languages they speak."""


def chain(model: str, surface: str = "messages", provider: str | None = None) -> dict[str, Any]:
    """What `routes test` prints. Raises `NoRoute`, `UnknownModel`, `BadRoute`."""
    if surface not in DIALECTS:
        raise BadRoute("surface", f"one of {', '.join(DIALECTS)}")
    want = Want(DIALECTS[surface], model, provider)
    catalog = live.catalog_to_show()
    reasons = {step.provider.name: step.reason for step in catalog.steps(want)}
    return {
        "model": model,
        "surface": surface,
        "chain": [
            {
                "provider": route.provider.name,
                "kind": route.provider.kind,
                "base_url": route.provider.base_url,
                "dialect": route.dialect,
                "model": route.target.model,
                "is_probe": route.is_probe,
                "reason": reasons[route.provider.name],
            }
            for route in catalog.routes(want)
        ],
    }
