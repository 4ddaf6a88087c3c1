"""Limits of a token as headers, in both vendors' forms."""

from __future__ import annotations

import pytest

from providers.dialects import limit_headers

NOW = 1_795_500_000.0


@pytest.mark.parametrize("kind", limit_headers.KINDS)
def test_anthropic_names_the_moment_rounded_up(kind: str) -> None:
    name = f"anthropic-ratelimit-{kind}".encode()
    assert limit_headers.anthropic(kind, 10, 3, NOW + 29.2, NOW) == (
        (name + b"-limit", b"10"),
        (name + b"-remaining", b"3"),
        (name + b"-reset", b"2026-11-24T06:00:30Z"),
    )


@pytest.mark.parametrize("kind", limit_headers.KINDS)
def test_openai_names_the_seconds_that_are_left_rounded_up(kind: str) -> None:
    end = kind.encode()
    assert limit_headers.openai(kind, 10, 0, NOW + 29.2, NOW) == (
        (b"x-ratelimit-limit-" + end, b"10"),
        (b"x-ratelimit-remaining-" + end, b"0"),
        (b"x-ratelimit-reset-" + end, b"30s"),
    )
