"""What waits for one who looks, and what is counted instead."""

from __future__ import annotations

import json
from typing import Any

from gateway.sockets.feed.viewer import FRAME_ROWS, MOST_WAITING, Viewer, pieces
from gateway.usage.requests.filters import read


def offer(viewer: Viewer, *numbers: int, left_out: int = 0) -> None:
    viewer.offer(pieces([str(number) for number in numbers]), left_out)


def frames(viewer: Viewer) -> list[Any]:
    found = []
    while (frame := viewer.frame()) is not None:
        found.append(json.loads(frame))
    return found


def test_calls_come_in_frames_of_a_bounded_size() -> None:
    viewer = Viewer(read({}), None)
    assert viewer.frame() is None and not viewer.news.is_set()
    offer(viewer, *range(70))
    assert viewer.news.is_set()
    told = frames(viewer)
    assert [len(frame["data"]) for frame in told] == [FRAME_ROWS, 20]
    assert [number for frame in told for number in frame["data"]] == list(range(70))
    assert {frame["skipped"] for frame in told} == {0} and {frame["type"] for frame in told} == {"calls"}
    assert not viewer.news.is_set()


def test_the_oldest_give_way_and_are_counted() -> None:
    viewer = Viewer(read({}), None)
    offer(viewer, *range(MOST_WAITING + 30), left_out=7)
    told = frames(viewer)
    assert sum(frame["skipped"] for frame in told) == FRAME_ROWS + 7
    assert told[0]["data"][0] == FRAME_ROWS and told[-1]["data"][-1] == MOST_WAITING + 29


def test_what_was_left_out_is_told_by_itself() -> None:
    viewer = Viewer(read({}), None)
    offer(viewer, left_out=3)
    assert viewer.news.is_set() and frames(viewer) == [{"type": "calls", "data": [], "skipped": 3}]
    offer(viewer)
    assert not viewer.news.is_set()


def test_a_pause_sends_nothing_and_says_afterwards_how_many_there_were() -> None:
    viewer = Viewer(read({}), None)
    offer(viewer, 1)
    viewer.pause()
    offer(viewer, 2, 3)
    assert viewer.frame() is None and not viewer.news.is_set()
    viewer.resume()
    assert viewer.news.is_set()
    offer(viewer, 4)
    assert frames(viewer) == [{"type": "calls", "data": [4], "skipped": 3}]


def test_a_pause_in_which_nothing_happened_is_not_told() -> None:
    viewer = Viewer(read({}), None)
    viewer.pause()
    viewer.resume()
    assert not viewer.news.is_set() and viewer.frame() is None
