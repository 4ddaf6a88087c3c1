"""Times in the error of an exhausted pool."""

from __future__ import annotations

import pytest

from accounts.errors import Exhaustion, PoolExhausted


@pytest.mark.parametrize(("until", "seconds"), [(None, None), (110.0, 10.0), (100.2, 1.0), (50.0, 1.0)])
def test_retry_after_is_at_least_a_second(until: float | None, seconds: float | None) -> None:
    out = PoolExhausted(until, Exhaustion.COOLING, "words", now=100.0)
    assert out.retry_after_seconds == seconds and not out.is_upstream_down
    assert PoolExhausted(until, Exhaustion.UPSTREAM_DOWN, "words").is_upstream_down
