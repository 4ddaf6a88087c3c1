"""How the parts of a process are, told to people and as figures."""

from __future__ import annotations

import asyncio
from pathlib import Path

from redis.asyncio import Redis

from gateway.condition import Condition
from gateway.counts import Counts
from gateway.freshness import Freshness
from gateway.shared.redis import Shared
from gateway.usage.recorder import Recorder, RecorderOptions


def condition(tmp_path: Path, shared: Shared | None) -> Condition:
    recorder, freshness = Recorder(RecorderOptions(tmp_path)), Freshness({})
    freshness._fresh_at = 0.0  # it has polled once
    return Condition(asyncio.get_running_loop(), freshness, recorder, shared)


async def test_without_redis_nothing_is_said_of_it(tmp_path: Path) -> None:
    of = condition(tmp_path, None)
    assert of.checks() == {"database": "ok", "usage": "ok"}
    counts = Counts()
    of.fill(counts)
    assert (counts.redis_users, counts.redis_away, counts.database_away) == (0, 0, 0)


async def test_tasks_are_counted_from_any_thread(tmp_path: Path) -> None:
    of, counts = condition(tmp_path, None), Counts()
    asleep = [asyncio.create_task(asyncio.sleep(60)) for _ in range(5)]
    await asyncio.to_thread(of.fill, counts)
    assert counts.tasks == 6  # with this test's own
    for task in asleep:
        task.cancel()
    await asyncio.gather(*asleep, return_exceptions=True)


async def test_redis_is_away_until_it_is_back(tmp_path: Path, settings) -> None:
    settings.REDIS_DOWN = "refuse"
    for falls_back, words in ((True, "local limits"), (False, "limited calls refused")):
        shared, counts = Shared(Redis(), falls_back), Counts()
        of = condition(tmp_path, shared)
        shared.health.down(ConnectionError())
        assert of.checks()["redis"] == f"away: {words}"
        of.fill(counts)
        assert (counts.redis_users, counts.redis_away) == (1, 1)
        shared.health.up()
        assert of.checks()["redis"] == "ok"
        of.fill(counts)
        assert (counts.redis_users, counts.redis_away) == (1, 0)
        await shared.aclose()


async def test_a_database_that_is_away_and_what_waits_for_it(tmp_path: Path, monkeypatch) -> None:
    of, counts = condition(tmp_path, None), Counts()
    monkeypatch.setattr(Freshness, "is_healthy", property(lambda self: False))
    monkeypatch.setattr(Recorder, "is_healthy", property(lambda self: False))
    monkeypatch.setattr(Recorder, "spooled_bytes", property(lambda self: 123))
    of.recorder.dropped = 4
    assert of.checks() == {"database": "away", "usage": "spooling"}
    of.fill(counts)
    assert (counts.database_away, counts.spooled_bytes, counts.rows_dropped) == (1, 123, 4)
