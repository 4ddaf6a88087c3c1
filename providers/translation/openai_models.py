"""What a model's name tells about the parameters that an OpenAI upstream takes. Pure."""

from __future__ import annotations

import re

_REASONING = re.compile(r"(?:.*/)?(?:o\d|gpt-(?:[5-9]|\d\d)|codex)", re.IGNORECASE)
_OPENAI = re.compile(r"(?:.*/)?(?:gpt-(?!oss)|chatgpt|o\d|codex)", re.IGNORECASE)
_EFFORT = re.compile(r"(?:.*/)?gpt-oss", re.IGNORECASE)
_CHAT_VARIANT = re.compile(r"-chat\b", re.IGNORECASE)


def is_openai(model: str) -> bool:
    """OpenAI's own models, whoever serves them."""
    return _OPENAI.match(model) is not None


def is_openai_reasoning(model: str) -> bool:
    """OpenAI's reasoning families: they take `max_completion_tokens`, and refuse sampling parameters."""
    return _REASONING.match(model) is not None


def takes_effort(model: str) -> bool:
    """Whether `reasoning_effort` may be sent. Other servers may answer an unknown field with 400."""
    if _EFFORT.match(model):
        return True
    return is_openai_reasoning(model) and _CHAT_VARIANT.search(model) is None


def refuses_sampling(model: str, known: bool | None) -> bool:
    """Whether `temperature` and `top_p` are refused; what the target knows wins over the name."""
    return is_openai_reasoning(model) if known is None else known


def base_name(model: str) -> str:
    """The model without Claude Code's `[1m]` marker, which is the client's own."""
    return model.removesuffix("[1m]")
