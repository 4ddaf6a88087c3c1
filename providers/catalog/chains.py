"""The chain that a call would take, as JSON for people."""

from __future__ import annotations

from typing import Any

from providers.catalog import live
from providers.catalog.records import Want
from providers.dialects.envelopes import anthropic_model
from providers.errors import BadRoute

DIALECTS = {
    "messages": "anthropic",
    "chat_completions": "openai_chat",
    "responses": "openai_responses",
    "bedrock": "anthropic",
    "vertex": "anthropic",
}
"""The dialect of each surface."""
CLOUDS = ("bedrock", "vertex")
"""Surfaces whose callers write models as the clouds call them."""


def chain(model: str, surface: str = "messages", provider: str | None = None) -> dict[str, Any]:
    """Return the chain of a model and a surface, as `routes test` prints it.

    Raises `NoRoute`, `UnknownModel`, `BadRoute`.
    """
    if surface not in DIALECTS:
        raise BadRoute("surface", f"one of {', '.join(DIALECTS)}")
    name = anthropic_model(model) if surface in CLOUDS else model
    cloud_id = model if name != model else ""
    want = Want(DIALECTS[surface], name, provider, cloud_id=cloud_id, surface=surface if cloud_id else "")
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
                "model": route.target.id or route.target.model,
                "is_probe": route.is_probe,
                "reason": reasons[route.provider.name],
            }
            for route in catalog.routes(want)
        ],
    }
