from __future__ import annotations

from typing import Any

import pytest

from providers.dialects.types import Usage
from providers.translation.common.parts import Outcome
from providers.translation.responses.ending import Ending

USAGE = {"input_tokens": 5, "output_tokens": 3, "output_tokens_details": {"reasoning_tokens": 2}}


@pytest.mark.parametrize(
    ("response", "reason"),
    [
        ({}, "stop"),
        ({"status": "completed"}, "stop"),
        ({"status": "incomplete"}, "length"),
        ({"status": "incomplete", "incomplete_details": {"reason": "max_output_tokens"}}, "length"),
        ({"status": "incomplete", "incomplete_details": {"reason": "content_filter"}}, "content_filter"),
        ({"status": "incomplete", "incomplete_details": {"reason": "steered"}}, "steered"),
    ],
)
def test_reasons(response: dict[str, Any], reason: str) -> None:
    ending = Ending()
    assert ending.reason is None and ending.close(response) is None and ending.reason == reason


@pytest.mark.parametrize("status", ["cancelled", "queued", "in_progress", ["x"]])
def test_what_is_no_end_is_a_failure(status: object) -> None:
    ending = Ending()
    failure = ending.close({"status": status})
    assert failure is not None and ending.reason is None


def never() -> Usage:
    raise AssertionError("an estimate costs a pass over the body")


def test_later_tellings_win_and_nothing_told_takes_nothing_away() -> None:
    ending = Ending()
    ending.see({"model": "a", "usage": None})
    ending.see({"model": "b", "usage": USAGE})
    ending.close({})
    told = ending.outcome(never, has_calls=True, has_refusal=True)
    assert ending.model == "b" and told == Outcome("tool_calls", Usage(5, output_tokens=3), 2, True)


def test_an_estimate_counts_where_nothing_was_told() -> None:
    estimated = Usage(9, output_tokens=1, is_estimated=True)
    assert Ending().outcome(lambda: estimated, has_calls=False, has_refusal=False) == Outcome("", estimated)
