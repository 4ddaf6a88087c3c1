"""Gauges of accounts for `/metrics`, read from the pool when they are asked for. No secrets, no paths."""

from __future__ import annotations

from collections.abc import Callable, Iterator

from prometheus_client.core import GaugeMetricFamily

from accounts.pool.overview import is_healthy, state_word
from accounts.pool.pool import Pool
from accounts.pool.state import AccountState


def account_families(pool: Pool) -> Iterator[GaugeMetricFamily]:
    """Yield the accounts' gauges, for a Prometheus collector of the gateway's."""
    now, states = pool.now(), pool.states()
    yield _gauge(
        "healthy", "Whether the account can serve something now", states, lambda one: is_healthy(one, now)
    )
    yield _gauge("in_flight", "Calls on their way with this account", states, lambda one: one.in_flight)
    yield _gauge(
        "cooldown_seconds",
        "Until the account's longest cooldown ends",
        states,
        lambda one: _cooldown_left(one, now),
    )
    state = GaugeMetricFamily(
        "link_assistant_account_state", "What the account is doing", labels=["account", "provider", "state"]
    )
    used = GaugeMetricFamily(
        "link_assistant_account_quota_used_ratio",
        "Used share of a quota window",
        labels=["account", "provider", "window"],
    )
    resets = GaugeMetricFamily(
        "link_assistant_account_quota_resets_at",
        "Unix time of a quota window's end",
        labels=["account", "provider", "window"],
    )
    for one in states:
        labels = [one.name, one.terms.provider]
        state.add_metric([*labels, state_word(one, now)], 1)
        for window in list(one.windows.values()):
            if window.used_fraction is not None:
                used.add_metric([*labels, window.name], window.used_fraction)
            if window.resets_at is not None:
                resets.add_metric([*labels, window.name], window.resets_at)
    yield from (state, used, resets)
    yield from _provider_families(pool, now)


def _provider_families(pool: Pool, now: float) -> Iterator[GaugeMetricFamily]:
    breaker = GaugeMetricFamily(
        "link_assistant_provider_breaker_open",
        "Whether the provider's circuit breaker is open",
        labels=["provider"],
    )
    for provider, is_shut in pool.breakers().items():
        breaker.add_metric([provider], is_shut)
    yield breaker
    cooling = GaugeMetricFamily(
        "link_assistant_provider_cooldown_seconds",
        "Until the longest cooldown of a provider's own key ends",
        labels=["provider"],
    )
    for provider, own in pool.own_keys().items():
        cooling.add_metric([provider], _cooldown_left(own, now))
    yield cooling


def _cooldown_left(state: AccountState, now: float) -> float:
    return max(
        (cooldown.until - now for cooldown in state.cooldowns.entries.values() if cooldown.is_active(now)),
        default=0.0,
    )


def _gauge(
    name: str, words: str, states: list[AccountState], value: Callable[[AccountState], float]
) -> GaugeMetricFamily:
    family = GaugeMetricFamily(f"link_assistant_account_{name}", words, labels=["account", "provider"])
    for state in states:
        family.add_metric([state.name, state.terms.provider], value(state))
    return family
