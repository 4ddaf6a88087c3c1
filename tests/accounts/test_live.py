"""The serving pool, or one read for the occasion."""

from __future__ import annotations

import time

import pytest

from accounts import live, services
from accounts.pool import Pool
from providers.drivers.base import Scope
from tests.accounts.building import OWN, call, limit


@pytest.mark.django_db(transaction=True)
def test_the_serving_pool_is_shown_until_it_is_forgotten() -> None:
    services.add({"name": "one", "source": "api_key", "secret": "k"})
    serving = Pool()
    live.use(serving)
    try:
        assert live.pool_to_show() is serving
    finally:
        live.forget(serving)
    live.forget(serving)
    assert [state.name for state in live.pool_to_show().states()] == ["one"]


@pytest.mark.django_db(transaction=True)
def test_only_a_serving_process_knows_what_its_providers_have_met() -> None:
    serving = Pool()
    call(serving, limit(Scope.ACCOUNT, 60, time.time()), provider="other", own=OWN)
    assert live.condition("other") is None
    live.use(serving)
    try:
        found = live.condition("other")
        assert found is not None and found.state == "cooling" and live.condition("another") is None
    finally:
        live.forget(serving)
