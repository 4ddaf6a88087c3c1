from __future__ import annotations

import pytest

from providers.translation.common.openai_models import (
    base_name,
    is_openai,
    is_openai_reasoning,
    refuses_sampling,
    takes_effort,
)


@pytest.mark.parametrize(
    ("model", "reasons", "effort"),
    [
        ("gpt-5", True, True),
        ("gpt-5.1-codex-max", True, True),
        ("openai/o4-mini", True, True),
        ("o3", True, True),
        ("gpt-5-chat-latest", True, False),
        ("gpt-4o", False, False),
        ("gpt-oss-120b", False, True),
        ("openai/gpt-oss-20b", False, True),
        ("qwen3-coder", False, False),
        ("kimi-k2", False, False),
        ("", False, False),
    ],
)
def test_what_a_name_tells(model: str, reasons: bool, effort: bool) -> None:
    assert is_openai_reasoning(model) is reasons and takes_effort(model) is effort


def test_what_is_known_wins_over_the_name() -> None:
    assert refuses_sampling("gpt-5", None) and not refuses_sampling("gpt-5", False)
    assert refuses_sampling("llama", True) and not refuses_sampling("llama", None)


def test_the_marker_of_the_long_context_is_the_client_s() -> None:
    assert base_name("claude-sonnet-4-6[1m]") == "claude-sonnet-4-6" and base_name("m") == "m"


def test_whose_model_it_is() -> None:
    assert all(map(is_openai, ("gpt-4o", "openai/gpt-5", "chatgpt-4o-latest", "o3-pro", "codex-mini")))
    assert not any(map(is_openai, ("gpt-oss-120b", "qwen3", "claude-sonnet-5", "olmo-2", "")))
