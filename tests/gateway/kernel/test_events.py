from __future__ import annotations

import logging

import pytest

from gateway.kernel import events
from gateway.kernel.events import LONGEST_TEXT, MOST_DETAILS, MOST_PER_SECOND, MOST_SUBSCRIBERS, Event, Events


@pytest.fixture
def of() -> Events:
    return Events(lambda: 100.0)


def test_every_subscriber_is_told_once(of: Events) -> None:
    first: list[Event] = []
    second: list[Event] = []
    of.subscribe(first.append)
    of.subscribe(first.append)
    of.subscribe(second.append)
    of.emit(events.ACCOUNT_OUT, "account:primary", until=160.0, provider="anthropic")
    assert [(event.kind, event.subject, event.at, dict(event.details)) for event in first] == [
        ("account-out", "account:primary", 100.0, {"until": 160.0, "provider": "anthropic"})
    ]
    assert second == first
    of.unsubscribe(second.append)
    of.emit(events.ACCOUNT_BACK, "account:primary")
    assert len(first) == 2
    assert len(second) == 1
    of.unsubscribe(second.append)


def test_details_may_have_the_names_of_arguments(of: Events) -> None:
    seen: list[Event] = []
    of.subscribe(seen.append)
    of.emit("x", "y", kind="budget", subject="token:1")
    assert dict(seen[0].details) == {"kind": "budget", "subject": "token:1"}


def test_one_that_fails_is_logged_and_the_others_are_told(
    of: Events, caplog: pytest.LogCaptureFixture
) -> None:
    seen: list[Event] = []

    def broken(event: Event) -> None:
        raise RuntimeError("no")

    of.subscribe(broken)
    of.subscribe(seen.append)
    of.emit(events.DATABASE_AWAY, "database:")
    assert len(seen) == 1
    assert "failed at database-away" in caplog.text


def test_nothing_raises_into_the_caller(of: Events, caplog: pytest.LogCaptureFixture) -> None:
    class Unspeakable:
        def __str__(self) -> str:
            raise RuntimeError("no words")

    of.emit("x", "y", value=Unspeakable())
    assert "could not be told" in caplog.text


def test_without_subscribers_it_is_a_line_of_the_log(of: Events, caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.INFO):
        of.emit(events.BREAKER_OPEN, "provider:openai", failures=5)
        of.emit(events.BREAKER_CLOSED, "provider:openai")
    opened, closed = caplog.records
    assert opened.getMessage() == "breaker-open provider:openai failures=5"
    assert (opened.levelname, closed.levelname) == ("WARNING", "INFO")
    assert (opened.event, opened.subject, opened.details) == (
        "breaker-open",
        "provider:openai",
        {"failures": 5},
    )  # type: ignore[attr-defined]
    caplog.clear()
    of.subscribe(lambda event: None)
    of.emit(events.BREAKER_OPEN, "provider:openai")
    assert not caplog.records


def test_texts_are_bounded_and_hold_no_secret(of: Events) -> None:
    seen: list[Event] = []
    of.subscribe(seen.append)
    of.emit("x", "a" * 10_000, reason="key sk-ant-api03-abcdefghijklmnop was refused " + "b" * 10_000)
    of.emit("x", "y", **{f"d{number}": number for number in range(100)})
    assert len(seen[0].subject) == LONGEST_TEXT
    reason = str(seen[0].details["reason"])
    assert len(reason) == LONGEST_TEXT
    assert "abcdefghijklmnop" not in reason
    assert len(seen[1].details) == MOST_DETAILS
    with pytest.raises(TypeError):
        seen[0].details["reason"] = ""  # type: ignore[index]


def test_a_flood_is_cut_and_counted_each_second(caplog: pytest.LogCaptureFixture) -> None:
    now = [100.0]
    of, seen = Events(lambda: now[0]), []
    of.subscribe(seen.append)
    for _ in range(MOST_PER_SECOND + 7):
        of.emit("x", "y")
    assert (len(seen), of.dropped) == (MOST_PER_SECOND, 7)
    now[0] = 101.0
    of.emit("x", "y")
    assert len(seen) == MOST_PER_SECOND + 1
    assert f"{MOST_PER_SECOND + 7} events in a second" in caplog.text


def test_subscribers_are_few(of: Events) -> None:
    for number in range(MOST_SUBSCRIBERS):
        of.subscribe(lambda event, number=number: None)
    with pytest.raises(ValueError, match="too many"):
        of.subscribe(lambda event: None)


def test_this_process_has_one_set_and_nobody_in_it_unasked(caplog: pytest.LogCaptureFixture) -> None:
    seen: list[Event] = []
    events.subscribe(seen.append)
    try:
        events.emit(events.REDIS_AWAY, "redis:")
    finally:
        events.unsubscribe(seen.append)
    assert [event.kind for event in seen] == ["redis-away"]
