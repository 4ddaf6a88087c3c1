"""Both forms of the rate-limit headers."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from providers.drivers import anthropic_limits as limits
from providers.drivers.base import QuotaWindow

NOW = 1_800_000_000.0
COMPOSITE = (
    (b"anthropic-ratelimit-unified-status", b"rejected"),
    (b"anthropic-ratelimit-unified-representative-claim", b"seven_day_overage_included"),
    (b"anthropic-ratelimit-unified-5h-status", b"allowed"),
    (b"anthropic-ratelimit-unified-5h-reset", b"1800010000"),
    (b"anthropic-ratelimit-unified-5h-utilization", b"0.41"),
    (b"anthropic-ratelimit-unified-5h-surpassed-threshold", b"0.5"),
    (b"anthropic-ratelimit-unified-7d_oi-status", b"rejected"),
    (b"anthropic-ratelimit-unified-7d_oi-reset", b"1800051811"),
    (b"anthropic-ratelimit-unified-7d_oi-utilization", b"1.02"),
    (b"anthropic-ratelimit-unified-overage-status", b"rejected"),
    (b"anthropic-ratelimit-unified-overage-disabled-reason", b"org_level_disabled"),
    (b"anthropic-ratelimit-unified-fallback-percentage", b"0.5"),
)


def test_unified_windows_are_epoch_seconds_and_fractions() -> None:
    assert limits.windows(COMPOSITE) == (
        QuotaWindow("5h", "allowed", 0.41, 1_800_010_000.0),
        QuotaWindow("7d_oi", "rejected", 1.02, 1_800_051_811.0),
    )
    assert limits.unified_status(COMPOSITE) == "rejected"
    assert limits.claims_family(COMPOSITE)


def test_key_windows_are_rfc_3339() -> None:
    headers = (
        (b"anthropic-ratelimit-requests-limit", b"50"),
        (b"anthropic-ratelimit-requests-remaining", b"0"),
        (b"anthropic-ratelimit-requests-reset", b"2027-01-15T08:00:30Z"),
        (b"anthropic-ratelimit-input-tokens-limit", b"40000"),
        (b"anthropic-ratelimit-input-tokens-remaining", b"10000"),
        (b"anthropic-ratelimit-input-tokens-reset", b"2027-01-15T08:00:10+00:00"),
    )
    assert limits.windows(headers) == (
        QuotaWindow("requests", "rejected", 1.0, NOW + 30),
        QuotaWindow("input-tokens", "allowed", 0.75, NOW + 10),
    )


@given(
    st.lists(st.tuples(st.sampled_from([name for name, _ in COMPOSITE]), st.binary(max_size=20)), max_size=12)
)
def test_nonsense_never_raises(headers: list[tuple[bytes, bytes]]) -> None:
    for window in limits.windows(tuple(headers)):
        assert window.resets_at is None or 0 < window.resets_at < 1e12
    limits.unified_reset(tuple(headers))
