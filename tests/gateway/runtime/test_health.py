"""The health of a process's parts, told to people and as figures."""

from __future__ import annotations

import asyncio
from pathlib import Path

from redis.asyncio import Redis

from gateway.exchange.downstream import Downstream
from gateway.relay.watchdog import Watchdog, WatchdogOptions
from gateway.runtime.freshness import Freshness
from gateway.runtime.health import Health
from gateway.shared.redis import Shared
from gateway.telemetry.counters import Counts
from gateway.usage.recorder import Recorder, RecorderOptions


def health_of(tmp_path: Path, shared: Shared | None) -> Health:
    recorder, freshness = Recorder(RecorderOptions(tmp_path)), Freshness({})
    freshness.refresh()  # of nothing
    return Health(asyncio.get_running_loop(), freshness, recorder, Watchdog(WatchdogOptions()), shared)


async def test_without_redis_nothing_is_said_of_it(tmp_path: Path) -> None:
    of = health_of(tmp_path, None)
    assert of.checks() == {"database": "ok", "usage": "ok"}
    counts = Counts()
    of.fill(counts)
    assert (counts.redis_users, counts.redis_away, counts.database_away) == (0, 0, 0)


async def test_tasks_are_counted_from_any_thread(tmp_path: Path) -> None:
    of, counts = health_of(tmp_path, None), Counts()
    asleep = [asyncio.create_task(asyncio.sleep(60)) for _ in range(5)]
    await asyncio.to_thread(of.fill, counts)
    assert counts.tasks == 6  # with this test's own
    for task in asleep:
        task.cancel()
    await asyncio.gather(*asleep, return_exceptions=True)


async def test_calls_in_flight_are_those_that_are_watched(tmp_path: Path) -> None:
    of, counts = health_of(tmp_path, None), Counts()
    calls = [Downstream(None, None, 0.0, None) for _ in range(3)]  # type: ignore[arg-type]  # nothing is sent
    for one in calls:
        of.watchdog.add(one)
    of.fill(counts)
    assert (counts.in_flight, counts.streams) == (3, 0)
    calls[0].is_stream = True
    of.fill(counts)
    assert (counts.in_flight, counts.streams) == (3, 1)
    for one in calls:
        of.watchdog.discard(one)
    of.fill(counts)
    assert counts.in_flight == 0


async def test_redis_is_away_until_it_is_back(tmp_path: Path, options) -> None:
    options(REDIS_DOWN="refuse")
    for falls_back, words in ((True, "local limits"), (False, "limited calls refused")):
        shared, counts = Shared(Redis(), falls_back), Counts()
        of = health_of(tmp_path, shared)
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
    of, counts = health_of(tmp_path, None), Counts()
    monkeypatch.setattr(Freshness, "is_healthy", property(lambda self: False))
    monkeypatch.setattr(Recorder, "is_healthy", property(lambda self: False))
    monkeypatch.setattr(Recorder, "spooled_bytes", property(lambda self: 123))
    of.recorder.dropped = 4
    assert of.checks() == {"database": "away", "usage": "spooling"}
    of.fill(counts)
    assert (counts.database_away, counts.spooled_bytes, counts.rows_dropped) == (1, 123, 4)
