"""The reader that those who look share: there while somebody looks, and never too many of them."""

from __future__ import annotations

import asyncio
import json
import uuid
from collections.abc import Callable
from typing import Any

import pytest

from gateway.models import ExchangeRow
from gateway.sockets.feed import feed as module
from gateway.sockets.feed.arrivals import Arrival, Look
from gateway.sockets.feed.feed import MOST_VIEWERS, Feed
from gateway.sockets.feed.viewer import Viewer
from gateway.usage.requests.filters import read

CALL = uuid.UUID("0199f3a2-0000-7000-8000-000000000001")


class Scripted:
    """Stands where the database is looked at: what each look finds, or raises."""

    def __init__(self, *looks: Look | Exception) -> None:
        self.looks = list(looks)
        self.count = 0
        self.missed = Look((call(), call(429)), 7)

    def look(self, most: int) -> Look:
        self.count += 1
        self.most = most
        found = self.looks.pop(0) if self.looks else Look()
        if isinstance(found, Exception):
            raise found
        return found

    def behind(self, pk: uuid.UUID, most: int) -> Look:
        assert pk == CALL
        return self.missed


class Sessions:
    """Stands where sessions are looked after."""

    def __init__(self, *over: str) -> None:
        self.over = frozenset(over)
        self.count = 0

    def alive(self, keys: frozenset[str]) -> set[str]:
        self.count += 1
        return set(keys - self.over)


class Looker(Viewer):
    """One who keeps what she was sent."""

    def __init__(self, session: str | None = None, status: str = "", since: uuid.UUID | None = None) -> None:
        super().__init__(read({"status": status}), session, since)
        self.texts: list[bytes] = []
        self.put = lambda text: self.texts.append(text) is None

    def told(self) -> list[Any]:
        return [json.loads(text) for text in self.texts]

    def calls(self) -> int:
        return sum(len(each["data"]) for each in self.told())


def call(status: int = 200) -> Arrival:
    made = Arrival(ExchangeRow(status=status))  # type: ignore[arg-type]
    made.text = b"1"  # type: ignore[misc]
    return made


def feed_of(source: Scripted, sessions: Sessions | None = None) -> Feed:
    return Feed(sessions or Sessions(), lambda: source)  # type: ignore[arg-type, return-value]


@pytest.fixture(autouse=True)
def soon(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("LOOK_SECONDS", "LOOK_SECONDS_OF_MANY", "TICK_SECONDS"):
        monkeypatch.setattr(module, name, 0.01)


async def until(holds: Callable[[], Any]) -> None:
    async with asyncio.timeout(30):
        while not holds():
            await asyncio.sleep(0.005)


def end(feed: Feed, *viewers: Viewer) -> None:
    for viewer in viewers:
        feed.leave(viewer)
    assert not feed.is_reading


async def test_all_who_look_share_one_reader() -> None:
    source = Scripted(Look((call(),)))
    feed = feed_of(source)
    ones = [Looker(), Looker()]
    assert all(feed.join(each) for each in ones)
    await until(lambda: all(each.texts for each in ones))
    assert ones[0].told() == ones[1].told() == [{"type": "calls", "data": [1], "skipped": 0}]
    end(feed, *ones)
    looks, again = source.count, Looker()
    assert feed.join(again)
    await until(lambda: source.count > looks)
    end(feed, again)


async def test_everybody_is_told_what_passes_her_filters() -> None:
    source = Scripted(Look((call(),)), Look((call(429),)))
    feed = feed_of(source)
    ones = [Looker(), Looker(status="429"), Looker(status="429"), Looker(status="5xx")]
    for each in ones:
        feed.join(each)
    await until(lambda: ones[0].calls() == 2)
    assert [each.calls() for each in ones] == [2, 1, 1, 0] and not ones[3].texts
    assert source.most == module.MOST_READ
    end(feed, *ones)


async def test_many_are_told_less_each_and_how_much_less() -> None:
    busy = Look(tuple(call() for _ in range(50)), 5)
    source = Scripted(busy)
    feed = feed_of(source)
    ones = [Looker() for _ in range(40)] + [Looker(status="ok") for _ in range(10)]
    for each in ones:
        feed.join(each)
    await until(lambda: all(each.texts for each in ones))
    for each in ones:
        (frame,) = each.told()
        assert (len(frame["data"]), frame["skipped"]) == (5, 50)
    for each in ones[1:]:
        feed.leave(each)
    await until(lambda: source.most == module.MOST_WAITING)
    end(feed, ones[0])


async def test_who_comes_back_is_told_what_she_has_missed_and_then_what_all_are() -> None:
    source = Scripted(Look((call(),)))
    feed = feed_of(source)
    ones = [Looker(since=CALL), Looker(status="429", since=CALL), Looker()]
    for each in ones:
        feed.join(each)
    await until(lambda: all(each.texts for each in ones))
    assert [(each.calls(), each.told()[0]["skipped"]) for each in ones] == [(2, 7), (1, 7), (1, 0)]
    source.looks.append(Look((call(429),)))
    await until(lambda: [each.calls() for each in ones] == [3, 2, 2])
    end(feed, *ones)


async def test_a_ping_comes_whether_or_not_there_is_news(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "PING_SECONDS", 0.02)
    feed, one = feed_of(Scripted(*[OSError("away")] * 1000)), Looker()
    feed.join(one)
    await until(lambda: len(one.texts) > 1)
    assert one.told()[:2] == [{"type": "ping"}] * 2
    end(feed, one)


async def test_a_database_that_is_away_ends_nothing() -> None:
    source = Scripted(OSError("away"), OSError("away"), Look((call(),)))
    feed, one = feed_of(source), Looker()
    feed.join(one)
    await until(lambda: one.calls() == 1)
    end(feed, one)


async def test_there_is_room_for_so_many() -> None:
    feed = feed_of(Scripted())
    ones = [Looker() for _ in range(MOST_VIEWERS)]
    assert all(feed.join(each) for each in ones)
    assert not feed.join(Looker())
    feed.leave(ones[0])
    ones[0] = Looker()
    assert feed.join(ones[0])
    end(feed, *ones)


async def test_who_may_not_look_any_more_is_told() -> None:
    feed = feed_of(Scripted(*[Look((call(),))] * 1000), Sessions("over"))
    good, over, of_key = Looker("good"), Looker("over"), Looker()
    for each in (good, over, of_key):
        feed.join(each)
    await asyncio.wait_for(over.lost.wait(), 30)
    assert not good.lost.is_set() and not of_key.lost.is_set() and not over.texts
    end(feed, good, over, of_key)


async def test_sessions_of_many_are_asked_about_at_every_other_look() -> None:
    source, sessions = Scripted(), Sessions()
    feed = feed_of(source, sessions)
    ones = [Looker(f"session {number}") for number in range(module.MANY)]
    for each in ones:
        feed.join(each)
    await until(lambda: source.count >= 10)
    assert sessions.count >= source.count - 1
    ones.append(Looker("one more"))
    feed.join(ones[-1])
    looks, asked = source.count, sessions.count
    await until(lambda: source.count >= looks + 20)
    assert 8 <= sessions.count - asked <= 13
    sessions.over = frozenset({"one more"})
    await asyncio.wait_for(ones[-1].lost.wait(), 30)
    end(feed, *ones)


async def test_who_is_behind_gets_the_rest_whatever_the_database_does(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    source = Scripted(Look((call(),)))
    feed, one = feed_of(source), Looker()
    taken, one.put = one.put, lambda text: False
    feed.join(one)
    await until(lambda: one.waiting == 1 and feed.is_behind)
    monkeypatch.setattr(module, "LOOK_SECONDS", 1_000)
    one.put = taken
    await until(lambda: one.calls() == 1)
    end(feed, one)


async def test_who_waits_for_nothing_wakes_nobody() -> None:
    source = Scripted(Look((call(),)))
    feed, one = feed_of(source), Looker()
    feed.join(one)
    await until(lambda: one.calls() == 1)
    await until(lambda: not feed.is_behind)
    end(feed, one)
