from __future__ import annotations

import pytest

from providers.translation.messages.claude import traits


@pytest.mark.parametrize(
    ("model", "refuses_sampling", "is_one", "adaptive", "budget", "top_efforts", "can_stop"),
    [
        ("claude-opus-4-7", True, True, True, False, True, True),
        ("claude-sonnet-5", True, True, True, False, True, True),
        ("claude-haiku-5-5", True, True, True, False, True, True),
        ("claude-fable-5", True, True, True, False, True, False),
        ("us.anthropic.claude-opus-5-5", True, True, True, False, True, True),
        ("claude-of-the-future", True, True, True, False, True, True),
        ("claude-opus-4-6", False, True, True, True, False, True),
        ("claude-sonnet-4-6", False, True, True, True, False, True),
        ("claude-sonnet-4-5-20250929", False, True, False, True, False, True),
        ("claude-haiku-4-5-20251001", False, True, False, True, False, True),
        ("claude-opus-4-1", False, True, False, True, False, True),
        ("claude-opus-4-20250514", False, False, False, True, False, True),
        ("claude-sonnet-4-20250514", False, False, False, True, False, True),
        ("claude-3-7-sonnet-20250219", False, False, False, True, False, True),
        ("claude-3-5-sonnet-20241022", False, False, False, False, False, True),
        ("claude-3-haiku-20240307", False, False, False, False, False, True),
        ("glm-4.7", False, False, False, True, False, True),
    ],
)
def test_traits(
    model: str,
    refuses_sampling: bool,
    is_one: bool,
    adaptive: bool,
    budget: bool,
    top_efforts: bool,
    can_stop: bool,
) -> None:
    seen = traits(model)
    assert (seen.refuses_sampling, seen.is_one_sampling) == (refuses_sampling, is_one)
    assert (seen.has_adaptive_thinking, seen.has_budget_thinking) == (adaptive, budget)
    assert (seen.has_top_efforts, seen.can_stop_thinking) == (top_efforts, can_stop)
