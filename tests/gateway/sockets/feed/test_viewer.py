"""What waits for one who looks, and what is counted instead."""

from __future__ import annotations

import json
from typing import Any

from gateway.models import ExchangeRow
from gateway.sockets.feed.arrivals import Arrival, Look
from gateway.sockets.feed.viewer import FRAME_ROWS, MOST_WAITING, Viewer
from gateway.usage.requests.filters import read


class Made(Arrival):
    """A call with nothing but a number to tell."""

    def __init__(self, number: int, status: int = 200) -> None:
        super().__init__(ExchangeRow(status=status))
        self.text = str(number)  # type: ignore[misc]


def look(*numbers: int, status: int = 200, left_out: int = 0) -> Look:
    return Look(tuple(Made(number, status) for number in numbers), left_out)


def frames(viewer: Viewer) -> list[Any]:
    found = []
    while (frame := viewer.frame()) is not None:
        found.append(json.loads(frame))
    return found


def test_calls_come_in_frames_of_a_bounded_size() -> None:
    viewer = Viewer(read({}), None)
    assert viewer.frame() is None and not viewer.news.is_set()
    viewer.offer(look(*range(70)))
    assert viewer.news.is_set()
    told = frames(viewer)
    assert [len(frame["data"]) for frame in told] == [FRAME_ROWS, 20]
    assert [number for frame in told for number in frame["data"]] == list(range(70))
    assert {frame["skipped"] for frame in told} == {0} and {frame["type"] for frame in told} == {"calls"}
    assert not viewer.news.is_set()


def test_the_oldest_give_way_and_are_counted() -> None:
    viewer = Viewer(read({}), None)
    viewer.offer(look(*range(MOST_WAITING + 30), left_out=7))
    told = frames(viewer)
    assert sum(frame["skipped"] for frame in told) == 37
    assert told[0]["data"][0] == 30 and told[-1]["data"][-1] == MOST_WAITING + 29


def test_only_what_passes_the_filters_is_offered_or_counted() -> None:
    viewer = Viewer(read({"status": "429"}), None)
    viewer.offer(look(1, 2))
    assert viewer.frame() is None
    viewer.offer(look(3, status=429))
    assert frames(viewer)[0]["data"] == [3]


def test_a_pause_sends_nothing_and_says_afterwards_how_many_there_were() -> None:
    viewer = Viewer(read({}), None)
    viewer.offer(look(1))
    viewer.pause()
    viewer.offer(look(2, 3))
    assert viewer.frame() is None and not viewer.news.is_set()
    viewer.resume()
    assert viewer.news.is_set()
    viewer.offer(look(4))
    assert frames(viewer) == [{"type": "calls", "data": [4], "skipped": 3}]


def test_a_pause_in_which_nothing_happened_is_not_told() -> None:
    viewer = Viewer(read({}), None)
    viewer.pause()
    viewer.resume()
    assert not viewer.news.is_set() and viewer.frame() is None
