from __future__ import annotations

from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from providers.dialects.types import Failure, FailureKind, Usage
from providers.translation.common.parts import (
    CallIds,
    Outcome,
    Part,
    PartKind,
    PartList,
    ReaderContext,
    Sequencer,
    nonsense,
)


class Log:
    """A sink that writes down what it is told."""

    def __init__(self) -> None:
        self.lines: list[tuple[Any, ...]] = []

    def begin(self) -> None:
        self.lines.append(("begin",))

    def open(self, part: Part) -> None:
        self.lines.append(("open", part.name))

    def delta(self, part: Part, text: str) -> None:
        self.lines.append(("delta", part.name, text))

    def close(self, part: Part) -> None:
        self.lines.append(("close", part.name))

    def end(self, outcome: Outcome) -> None: ...

    def fail(self, failure: Failure) -> None: ...

    def ping(self) -> bytes:
        return b""

    def take(self) -> bytes:
        return b""


def test_parts_wait_for_the_one_before() -> None:
    log = Log()
    sequencer = Sequencer(log)
    first, second = Part(PartKind.TOOL, name="1"), Part(PartKind.TOOL, name="2")
    sequencer.begin()
    sequencer.begin()
    sequencer.add(first)
    sequencer.add(second)
    sequencer.append(second, "b")
    sequencer.append(first, "a")
    assert sequencer.waiting and sequencer.last is second
    sequencer.close(second)
    sequencer.close(first)
    assert log.lines == [
        ("begin",),
        ("open", "1"),
        ("delta", "1", "a"),
        ("close", "1"),
        ("open", "2"),
        ("delta", "2", "b"),
        ("close", "2"),
    ]
    assert sequencer.last is None and not sequencer.waiting


def test_the_end_closes_whatever_is_left() -> None:
    log = Log()
    sequencer = Sequencer(log)
    for name in "12":
        sequencer.add(Part(PartKind.TEXT, name=name))
    sequencer.close_all()
    sequencer.close_all()
    assert log.lines == [("open", "1"), ("close", "1"), ("open", "2"), ("close", "2")]


@settings(deadline=None)
@given(st.lists(st.tuples(st.integers(0, 3), st.sampled_from(["append", "close"]))))
def test_whatever_comes_in_between_parts_are_whole_and_in_order(steps: list[tuple[int, str]]) -> None:
    log = Log()
    sequencer = Sequencer(log)
    parts = [Part(PartKind.TOOL, name=str(number)) for number in range(4)]
    for part in parts:
        sequencer.add(part)
    expected = dict.fromkeys("0123", "")
    for number, step in steps:
        part = parts[number]
        if step == "append" and not part.is_closed:
            sequencer.append(part, "x")
            expected[part.name] += "x"
        elif step == "close":
            sequencer.close(part)
    sequencer.close_all()
    open_name = None
    heard = dict.fromkeys("0123", "")
    for kind, name, *text in log.lines:
        if kind == "open":
            assert open_name is None
            open_name = name
        elif kind == "delta":
            assert name == open_name
            heard[name] += text[0]
        else:
            assert name == open_name
            open_name = None
    assert heard == expected
    assert [line[1] for line in log.lines if line[0] == "open"] == list("0123")


def test_a_list_of_parts_is_a_sink() -> None:
    parts = PartList()
    sequencer = Sequencer(parts)
    sequencer.begin()
    part = Part(PartKind.TEXT)
    sequencer.add(part)
    sequencer.append(part, "a")
    sequencer.append(part, "b")
    sequencer.close_all()
    parts.end(Outcome("stop", Usage()))
    parts.fail(nonsense("x"))
    assert [each.text for each in parts.parts] == ["ab"] and parts.take() == b"" == parts.ping()


def test_call_ids_are_unique_in_the_conversation() -> None:
    ids = CallIds(ReaderContext(lambda plain: "", lambda prefix: prefix + "new", lambda: 0, {"call_1"}))
    assert [ids.unique(each) for each in ("call_1", "call_1", "x", "", "")] == [
        "call_1_2",
        "call_1_3",
        "x",
        "call_new",
        "call_new_2",
    ]


def test_nonsense_is_the_upstream_s_fault() -> None:
    assert nonsense("x").kind is FailureKind.UPSTREAM
