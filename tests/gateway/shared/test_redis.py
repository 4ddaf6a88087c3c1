from __future__ import annotations

from typing import Any

import pytest

from gateway.kernel.events import Event
from gateway.shared import redis
from gateway.shared.redis import Health
from tests.fakes.redis import RedisServer, is_installed


def test_without_a_url_there_is_none(options: Any) -> None:
    assert redis.from_settings(options(REDIS_URL="")) is None


@pytest.mark.redis
async def test_a_client_of_the_settings(options: Any) -> None:
    if not is_installed():
        pytest.skip("redis-server is not installed")
    server = RedisServer().start()
    try:
        shared = redis.from_settings(options(REDIS_URL=server.url, REDIS_DOWN="local"))
        assert shared is not None
        assert shared.falls_back
        assert await shared.client.ping()
        await shared.aclose()
    finally:
        server.close()


def test_health_is_told_once_and_nobody_waits_for_the_dead(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture, told: list[Event]
) -> None:
    now = 100.0
    monkeypatch.setattr(redis.time, "monotonic", lambda: now)
    health = Health()
    assert health.is_up
    for _ in range(3):
        health.down(ConnectionError())
    assert (health.is_up, health.is_known_away) == (False, True)
    now += redis.RETRY_SECONDS
    assert (health.is_up, health.is_known_away) == (True, True)
    health.up()
    health.up()
    assert (health.is_up, health.is_known_away) == (True, False)
    own = [record for record in caplog.records if record.name == redis.__name__]
    assert [record.message.split(" (")[0] for record in own] == ["redis is away", "redis is back"]
    assert [(event.kind, event.subject) for event in told] == [
        ("redis-away", "redis:"),
        ("redis-back", "redis:"),
    ]
    assert told[0].details["reason"] == "ConnectionError"
