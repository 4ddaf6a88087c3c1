from __future__ import annotations

from typing import Any

import pytest

from gateway.shared import redis
from gateway.shared.redis import Health
from tests.fakes.redis import RedisServer, is_installed


def test_without_a_url_there_is_none(settings: Any) -> None:
    settings.REDIS_URL = ""
    assert redis.from_settings() is None


@pytest.mark.redis
async def test_a_client_of_the_settings(settings: Any) -> None:
    if not is_installed():
        pytest.skip("redis-server is not installed")
    server = RedisServer().start()
    try:
        settings.REDIS_URL, settings.REDIS_DOWN = server.url, "local"
        shared = redis.from_settings()
        assert shared is not None
        assert shared.falls_back
        assert await shared.client.ping()
        await shared.aclose()
    finally:
        server.close()


def test_health_is_told_once_and_nobody_waits_for_the_dead(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    now = 100.0
    monkeypatch.setattr(redis.time, "monotonic", lambda: now)
    health = Health()
    assert health.is_up
    for _ in range(3):
        health.down(ConnectionError())
    assert (health.is_up, health.is_known_away) == (False, True)
    now += redis.REST_SECONDS
    assert (health.is_up, health.is_known_away) == (True, True)
    health.up()
    health.up()
    assert (health.is_up, health.is_known_away) == (True, False)
    assert [record.message.split(" (")[0] for record in caplog.records] == ["redis is away", "redis is back"]
