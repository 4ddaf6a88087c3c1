"""The serving pool, or one read for the occasion."""

from __future__ import annotations

import time

import pytest

from accounts import services
from accounts.pool import live
from accounts.pool.pool import Pool
from gateway.kernel.parts import PARTS
from providers.drivers.base import Scope
from tests.accounts.building import OWN, call, limit
from tests.principals import SOMEBODY


@pytest.mark.django_db(transaction=True)
def test_the_serving_pool_is_shown_until_it_is_forgotten() -> None:
    services.add({"name": "one", "source": "api_key", "secret": "k"}, principal=SOMEBODY)
    serving = Pool()
    PARTS.put(live.POOL, serving)
    try:
        assert live.pool_to_show() is serving
    finally:
        PARTS.drop(live.POOL, serving)
    PARTS.drop(live.POOL, serving)
    assert [state.name for state in live.pool_to_show().states()] == ["one"]


@pytest.mark.django_db(transaction=True)
def test_only_a_serving_process_knows_what_its_providers_have_met() -> None:
    serving = Pool()
    call(serving, limit(Scope.ACCOUNT, 60, time.time()), provider="other", own=OWN)
    assert live.status_of("other") is None
    PARTS.put(live.POOL, serving)
    try:
        found = live.status_of("other")
        assert found is not None and found.state == "cooling" and live.status_of("another") is None
    finally:
        PARTS.drop(live.POOL, serving)
