"""The reader that those who look share: there while somebody looks, and never too many of them."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Any

import pytest
from django.contrib.auth.models import AnonymousUser, Group, User

from gateway.models import ExchangeRow
from gateway.sockets.feed import feed as module
from gateway.sockets.feed.arrivals import Arrival, Look
from gateway.sockets.feed.feed import MOST_VIEWERS, Feed, may_look
from gateway.sockets.feed.viewer import Viewer
from gateway.usage.requests.filters import read


class Scripted:
    """Stands where the database is looked at: what each look finds, or raises."""

    def __init__(self, *looks: Look | Exception) -> None:
        self.looks = list(looks)
        self.count = 0

    def look(self, most: int) -> Look:
        self.count += 1
        self.most = most
        found = self.looks.pop(0) if self.looks else Look()
        if isinstance(found, Exception):
            raise found
        return found


def call(status: int = 200) -> Look:
    made = Arrival(ExchangeRow(status=status))
    made.text = "1"  # type: ignore[misc]
    return Look((made,))


def viewer(session: str | None = None, status: str = "") -> Viewer:
    return Viewer(read({"status": status}), session)


@pytest.fixture(autouse=True)
def soon(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "LOOK_SECONDS", 0.01)


async def until(holds: Callable[[], Any]) -> None:
    async with asyncio.timeout(30):
        while not holds():
            await asyncio.sleep(0.005)


async def test_all_who_look_share_one_reader() -> None:
    source = Scripted(call())
    feed = Feed(lambda _: True, lambda: source)  # type: ignore[arg-type, return-value]
    ones = [viewer(), viewer()]
    assert all(feed.join(each) for each in ones)
    for each in ones:
        await asyncio.wait_for(each.news.wait(), 30)
        assert each.frame() == '{"type":"calls","data":[1],"skipped":0}'
    for each in ones:
        feed.leave(each)
    await until(lambda: not feed.is_reading)
    looks, again = source.count, viewer()
    assert feed.join(again)
    await until(lambda: source.count > looks)
    feed.leave(again)
    await until(lambda: not feed.is_reading)


async def test_everybody_is_told_what_passes_her_filters() -> None:
    source = Scripted(call(), call(429))
    feed = Feed(lambda _: True, lambda: source)  # type: ignore[arg-type, return-value]
    ones = [viewer(), viewer(status="429"), viewer(status="429"), viewer(status="5xx")]
    for each in ones:
        feed.join(each)
    await until(lambda: source.count > 3)
    assert [each.waiting for each in ones] == [2, 1, 1, 0] and not ones[3].news.is_set()
    assert source.most == 500
    for each in ones:
        feed.leave(each)


async def test_a_database_that_is_away_ends_nothing() -> None:
    source = Scripted(OSError("away"), OSError("away"), call())
    feed = Feed(lambda _: True, lambda: source)  # type: ignore[arg-type, return-value]
    one = viewer()
    feed.join(one)
    await asyncio.wait_for(one.news.wait(), 30)
    feed.leave(one)


async def test_there_is_room_for_so_many() -> None:
    feed = Feed(lambda _: True, Scripted)  # type: ignore[arg-type]
    ones = [viewer() for _ in range(MOST_VIEWERS)]
    assert all(feed.join(each) for each in ones)
    assert not feed.join(viewer())
    feed.leave(ones[0])
    ones[0] = viewer()
    assert feed.join(ones[0])
    for each in ones:
        feed.leave(each)
    await until(lambda: not feed.is_reading)


async def test_who_may_not_look_any_more_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module.sessions, "alive", lambda keys, may: keys & {"good"})
    feed = Feed(lambda _: True, Scripted)  # type: ignore[arg-type]
    good, over, of_key = viewer("good"), viewer("over"), viewer()
    for each in (good, over, of_key):
        feed.join(each)
    await asyncio.wait_for(over.lost.wait(), 30)
    assert not good.lost.is_set() and not of_key.lost.is_set()
    for each in (good, over, of_key):
        feed.leave(each)


@pytest.mark.django_db
def test_who_may_look() -> None:
    def somebody(role: str | None, **values: Any) -> Any:
        user = User.objects.create_user(f"u{User.objects.count()}", **values)
        user.groups.set(Group.objects.filter(name=f"role:{role}"))
        return User.objects.get(pk=user.pk)

    assert all(may_look(somebody(role, is_staff=True)) for role in ("viewer", "operator", "admin"))
    assert may_look(somebody(None, is_staff=True, is_superuser=True))
    assert not may_look(somebody(None, is_staff=True))
    assert not may_look(somebody("developer"))
    assert not may_look(somebody("viewer"))  # not of staff
    assert not may_look(AnonymousUser())
