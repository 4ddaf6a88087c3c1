"""Gauges as Prometheus reads them."""

from __future__ import annotations

from prometheus_client import CollectorRegistry, generate_latest
from prometheus_client.parser import text_string_to_metric_families

from accounts.pool.metrics import account_families
from accounts.pool.pool import Pool
from providers.drivers.base import Outcome, QuotaWindow, Scope, Verdict
from tests.accounts.building import OWN, START, ask, call, limit, memory_pool


class Collector:
    def __init__(self, pool: Pool) -> None:
        self.pool = pool

    def collect(self) -> object:
        return account_families(self.pool)


def test_what_is_told() -> None:
    pool = memory_pool(2)
    lease = pool.choose(ask(pinned="a0"))
    windows = (QuotaWindow("5h", "rejected", 1.02, START + 60),)
    pool.report(lease, Verdict(Outcome.RETRY_OTHER, Scope.ACCOUNT, START + 60, reason="r", windows=windows))
    call(pool, limit(Scope.ACCOUNT, 30), provider="other", own=OWN)
    registry = CollectorRegistry()
    registry.register(Collector(pool))  # type: ignore[arg-type]
    samples = {
        (sample.name.removeprefix("link_assistant_"), *sample.labels.values()): sample.value
        for family in text_string_to_metric_families(generate_latest(registry).decode())
        for sample in family.samples
    }
    assert samples == {
        ("account_healthy", "a0", "anthropic"): 0, ("account_healthy", "a1", "anthropic"): 1,
        ("account_in_flight", "a0", "anthropic"): 1, ("account_in_flight", "a1", "anthropic"): 0,
        ("account_cooldown_seconds", "a0", "anthropic"): 60, ("account_cooldown_seconds", "a1", "anthropic"): 0,
        ("account_state", "a0", "anthropic", "cooling"): 1, ("account_state", "a1", "anthropic", "ready"): 1,
        ("account_quota_used_ratio", "a0", "anthropic", "5h"): 1.02,
        ("account_quota_resets_at", "a0", "anthropic", "5h"): START + 60,
        ("provider_breaker_open", "anthropic"): 0, ("provider_breaker_open", "other"): 0,
        ("provider_cooldown_seconds", "other"): 30,
    }  # fmt: skip
