"""Tries are counted in the database, for all processes."""

from __future__ import annotations

import pytest

from gateway.models import Try
from gateway.tries.counting import Rule, TooMany, check, count, forget

pytestmark = pytest.mark.django_db
THREE = Rule("test", 3, 600)


def wait_of(rule: Rule, key: str, now: float) -> int:
    """Return how long a try has to wait; 0 when it was made."""
    try:
        count([(rule, key)], now)
    except TooMany as exc:
        return exc.wait_seconds
    return 0


def test_as_many_as_allowed_and_then_until_the_first_is_out_of_the_window() -> None:
    assert [wait_of(THREE, "a", now) for now in (0, 100, 200, 250, 599.5)] == [0, 0, 0, 350, 1]
    assert wait_of(THREE, "b", 250) == 0
    assert wait_of(THREE, "a", 601) == 0
    assert wait_of(THREE, "a", 602) == 98


def test_a_lock_lasts_from_the_last_try_on() -> None:
    lock = Rule("test", 3, 600, is_lock=True)
    assert [wait_of(lock, "a", now) for now in (0, 100, 200, 250)] == [0, 0, 0, 550]
    assert wait_of(lock, "a", 801) == 0


def test_what_waits_is_not_counted_and_one_rule_alone_counts_nothing() -> None:
    for _ in range(3):
        count([(THREE, "a")], 0)
    other = Rule("other", 3, 600)
    for _ in range(5):
        with pytest.raises(TooMany):
            count([(other, "x"), (THREE, "a")], 1)
    assert Try.objects.count() == 3


def test_looking_writes_nothing_and_what_was_right_is_forgotten() -> None:
    for _ in range(3):
        check([(THREE, "a")], 0)
        count([(THREE, "a")], 0)
    with pytest.raises(TooMany):
        check([(THREE, "a")], 1)
    assert Try.objects.count() == 3
    forget([(THREE, "a")])
    check([(THREE, "a")], 1)


def test_old_rows_go() -> None:
    count([(THREE, "a")], 0)
    count([(THREE, "b")], 1000)
    assert [row.key for row in Try.objects.all()] == ["b"]
