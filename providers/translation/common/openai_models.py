"""Parameters that an OpenAI upstream takes, judged by the model's name.

Pure.
"""

from __future__ import annotations

import re

_REASONING = re.compile(r"(?:.*/)?(?:o\d|gpt-(?:[5-9]|\d\d)|codex)", re.IGNORECASE)
_OPENAI = re.compile(r"(?:.*/)?(?:gpt-(?!oss)|chatgpt|o\d|codex)", re.IGNORECASE)
_EFFORT = re.compile(r"(?:.*/)?gpt-oss", re.IGNORECASE)
_CHAT_VARIANT = re.compile(r"-chat\b", re.IGNORECASE)


def is_openai(model: str) -> bool:
    """Return whether the model is one of OpenAI's own, whoever serves it."""
    return _OPENAI.match(model) is not None


def is_openai_reasoning(model: str) -> bool:
    """Return whether the model is of OpenAI's reasoning families.

    They take `max_completion_tokens`, and refuse sampling parameters.
    """
    return _REASONING.match(model) is not None


def takes_effort(model: str) -> bool:
    """Return whether `reasoning_effort` may be sent.

    Other servers may answer an unknown field with 400.
    """
    if _EFFORT.match(model):
        return True
    return is_openai_reasoning(model) and _CHAT_VARIANT.search(model) is None


def refuses_sampling(model: str, known: bool | None) -> bool:
    """Return whether `temperature` and `top_p` are refused; what the target knows goes before the name."""
    return is_openai_reasoning(model) if known is None else known


def base_name(model: str) -> str:
    """Return the model without Claude Code's `[1m]` marker, which is the client's own."""
    return model.removesuffix("[1m]")
