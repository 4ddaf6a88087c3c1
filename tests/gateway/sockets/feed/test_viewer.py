"""What waits for one who looks, and what is counted instead."""

from __future__ import annotations

import json
from typing import Any

from gateway.sockets.feed.viewer import FRAME_ROWS, FRAME_SECONDS, MOST_WAITING, PING, Viewer, pieces
from gateway.usage.requests.filters import read


class Reader:
    """Stands where the connection is: takes what is sent, or not."""

    def __init__(self) -> None:
        self.viewer = Viewer(read({}), None)
        self.viewer.put = self
        self.texts: list[bytes] = []
        self.is_behind = False
        self.now = 100.0

    def __call__(self, text: bytes) -> bool:
        self.texts += [] if self.is_behind else [text]
        return not self.is_behind

    def offer(self, *numbers: int, left_out: int = 0) -> None:
        self.viewer.offer(pieces([b"%d" % number for number in numbers]), left_out)

    def frames(self) -> list[Any]:
        """Flush as often as it helps; return what has come of it."""
        count = -1
        while len(self.texts) > count:
            count = len(self.texts)
            self.now += FRAME_SECONDS
            self.viewer.flush(self.now)
        texts, self.texts = self.texts, []
        return [json.loads(text) for text in texts]


def test_calls_come_in_frames_of_a_bounded_size() -> None:
    reader = Reader()
    assert reader.frames() == []
    reader.offer(*range(70))
    told = reader.frames()
    assert [len(frame["data"]) for frame in told] == [FRAME_ROWS, 20]
    assert [number for frame in told for number in frame["data"]] == list(range(70))
    assert {frame["skipped"] for frame in told} == {0} and {frame["type"] for frame in told} == {"calls"}
    assert reader.viewer.waiting == 0


def test_it_is_told_whether_more_is_to_be_sent() -> None:
    reader = Reader()
    assert reader.viewer.flush(1) is False
    reader.offer(*range(FRAME_ROWS + 1))
    assert reader.viewer.flush(2) is True and reader.viewer.flush(2) is True and len(reader.texts) == 1
    reader.is_behind = True
    assert reader.viewer.flush(3) is True
    reader.is_behind = False
    assert reader.viewer.flush(3) is False and len(reader.texts) == 2
    reader.offer(1)
    reader.viewer.put = None
    assert reader.viewer.flush(4) is True
    reader.viewer.pause()
    assert reader.viewer.flush(5) is False


def test_there_are_four_frames_in_a_second_at_most() -> None:
    reader = Reader()
    reader.offer(*range(MOST_WAITING))
    for tick in range(100):
        reader.viewer.flush(reader.now + tick / 100)
    assert len(reader.texts) == 4


def test_a_frame_is_made_once_for_all_who_get_it() -> None:
    readers, found = [Reader(), Reader()], pieces([b"1", b"2"])
    for reader in readers:
        reader.viewer.offer(found, 3)
        reader.viewer.flush(reader.now)
    assert readers[0].texts[0] is readers[1].texts[0]


def test_the_oldest_give_way_and_are_counted() -> None:
    reader = Reader()
    reader.offer(*range(MOST_WAITING + 30), left_out=7)
    told = reader.frames()
    assert sum(frame["skipped"] for frame in told) == FRAME_ROWS + 7
    assert told[0]["data"][0] == FRAME_ROWS and told[-1]["data"][-1] == MOST_WAITING + 29


def test_a_reader_who_is_behind_holds_up_herself_alone() -> None:
    reader = Reader()
    reader.is_behind = True
    for number in range(2 * MOST_WAITING):
        reader.offer(number)
        assert reader.frames() == [] and reader.viewer.waiting <= MOST_WAITING
    reader.is_behind = False
    told = reader.frames()
    assert sum(frame["skipped"] + len(frame["data"]) for frame in told) == 2 * MOST_WAITING
    assert told[-1]["data"] == [2 * MOST_WAITING - 1]


def test_what_was_left_out_is_told_by_itself() -> None:
    reader = Reader()
    reader.offer(left_out=3)
    assert reader.frames() == [{"type": "calls", "data": [], "skipped": 3}]
    reader.offer()
    assert reader.frames() == []


def test_a_pause_sends_nothing_and_says_afterwards_how_many_there_were() -> None:
    reader = Reader()
    reader.offer(1)
    reader.viewer.pause()
    reader.offer(2, 3)
    assert reader.frames() == []
    reader.viewer.resume()
    reader.offer(4)
    assert reader.frames() == [{"type": "calls", "data": [4], "skipped": 3}]


def test_a_pause_in_which_nothing_happened_is_not_told() -> None:
    reader = Reader()
    reader.viewer.pause()
    reader.viewer.resume()
    assert reader.frames() == []


def test_nothing_is_sent_before_the_connection_is_open() -> None:
    reader = Reader()
    reader.viewer.put = None
    reader.offer(1)
    reader.viewer.ping()
    assert reader.frames() == []
    reader.viewer.put = reader
    reader.viewer.ping()
    assert reader.texts.pop() == PING
    assert reader.frames() == [{"type": "calls", "data": [1], "skipped": 0}]
