"""The serving pool, or one read for the occasion."""

from __future__ import annotations

import pytest

from accounts import live, services
from accounts.pool import Pool


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
