"""Read from a vendor's `usage` what has a price beside the plain counts: modes, searches, steps of their own.

Pure. A vendor's own steps ("iterations") are counted by themselves: a compaction is in no other count, an adviser or
a fallback speaks with a model of its own.
"""

from __future__ import annotations

from typing import Any

from msgspec import Raw
from msgspec.structs import replace

from providers.dialects.openai_fields import WAITING_TIERS, count, member
from providers.dialects.types import BATCH, FAST, MODES, REGION, Part, Usage

STEPS = frozenset(("compaction", "advisor_message", "fallback_message"))
MESSAGE, FALLBACK = "message", "fallback_message"


def with_extras(
    usage: Usage, server_tools: object, tier: object, speed: object, region: object, iterations: object
) -> Usage:
    """Return the usage with what these fields of an Anthropic `usage` say; one that is absent changes nothing."""
    found = set(usage.modes)
    for mode, told, is_so in (
        (BATCH, tier, isinstance(tier, str) and tier in WAITING_TIERS),
        (FAST, speed, speed == "fast"),
        (REGION, region, region == "us"),
    ):
        if told is not None:
            found = found | {mode} if is_so else found - {mode}
    searches = member(server_tools, "web_search_requests")
    return replace(
        usage,
        web_searches=usage.web_searches if searches is None else count(searches),
        modes=tuple(mode for mode in MODES if mode in found),
        parts=_parts(usage, iterations) if isinstance(iterations, list) else usage.parts,
    )


def asked_modes(speed: bytes | Raw, region: bytes | Raw) -> tuple[str, ...]:
    """Return what a call asks for that multiplies its price."""
    asked = ((FAST, bytes(speed), b'"fast"'), (REGION, bytes(region), b'"us"'))
    return tuple(mode for mode, told, word in asked if told == word)


def _parts(usage: Usage, iterations: list[Any]) -> tuple[Part, ...]:
    """Return the steps that the counts of the whole do not have.

    A fallback's are in there where the whole is not what the messages add up to, but what the fallback did.
    """
    steps = [step for step in iterations if isinstance(step, dict)]
    parts = [(step.get("type"), _part(step)) for step in steps if step.get("type") in STEPS]
    whole = (usage.input_tokens, usage.output_tokens)
    messages = _sum(_part(step) for step in steps if step.get("type") == MESSAGE)
    fallbacks = _sum(part for kind, part in parts if kind == FALLBACK)
    has_fallbacks = whole == fallbacks != messages
    return tuple(part for kind, part in parts if not (has_fallbacks and kind == FALLBACK))


def _sum(parts: Any) -> tuple[int, int]:
    found = list(parts)
    return sum(part.input_tokens for part in found), sum(part.output_tokens for part in found)


def _part(step: dict[str, Any]) -> Part:
    written = count(step.get("cache_creation_input_tokens"))
    hour = min(count(member(step.get("cache_creation"), "ephemeral_1h_input_tokens")), written)
    model = step.get("model")
    return Part(
        model=model if isinstance(model, str) and model else None,
        input_tokens=count(step.get("input_tokens")),
        cache_read_tokens=count(step.get("cache_read_input_tokens")),
        cache_write_5m_tokens=written - hour,
        cache_write_1h_tokens=hour,
        output_tokens=count(step.get("output_tokens")),
    )
