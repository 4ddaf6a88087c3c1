"""Counts of several processes, added up, written down and read again."""

from __future__ import annotations

import msgspec
import pytest

from gateway.telemetry.counters import PRESENT, SUMS, Counts, decoded, encoded, histogram
from gateway.telemetry.metrics import observe


def some(number: int) -> Counts:
    counts = Counts(requests=number, in_flight=1, statuses={200: number}, accounts={"a": number})
    counts.upstream_errors = {("anthropic", "upstream", "502"): number}
    counts.refused = {"authentication": number}
    counts.used = {"a": number}
    counts.without_redis = {"local": number}
    surface = counts.surface("messages")
    surface.requests = number
    surface.tokens = [number] * 5
    observe(surface.seconds, 0.3)
    observe(counts.overhead, 0.003)
    return counts


def test_everything_is_added() -> None:
    total = Counts()
    for number in (1, 10):
        total.add(some(number))
    assert (total.requests, total.in_flight, total.statuses, total.accounts) == (11, 2, {200: 11}, {"a": 11})
    assert total.upstream_errors == {("anthropic", "upstream", "502"): 11}
    assert total.without_redis == {"local": 11}
    assert (total.refused, total.used) == ({"authentication": 11}, {"a": 11})
    surface = total.surfaces["messages"]
    assert (surface.requests, surface.tokens) == (11, [11] * 5)
    assert surface.seconds.buckets()[-1] == ("+Inf", 2)
    assert surface.seconds.sum == pytest.approx(0.6)
    assert total.overhead.buckets()[-1] == ("+Inf", 2)


def test_every_field_is_added() -> None:
    """A field that somebody adds later and forgets in `add` shows here."""
    once, twice = some(3), Counts()
    numbers = [field.name for field in msgspec.structs.fields(Counts) if field.type is int]
    assert set(numbers) == {*SUMS, *PRESENT, "noise", "noise_day"}
    for name in numbers:
        setattr(once, name, 5)
    twice.add(once)
    assert msgspec.to_builtins(twice) == msgspec.to_builtins(once)


def test_noise_is_that_of_the_newest_day() -> None:
    counts = Counts()
    for day in (7, 7, 8, 7, 8, 8):
        counts.note_noise(day)
    assert (counts.noise_day, counts.noise) == (8, 3)
    total = Counts()
    for each in (Counts(noise=9, noise_day=7), counts, Counts(noise=2, noise_day=8), Counts()):
        total.add(each)
    assert (total.noise_day, total.noise) == (8, 5)


def test_of_a_dead_process_only_what_it_counted_stays() -> None:
    counts = Counts(requests=2, rows_dropped=3, in_flight=1, tasks=9, redis_users=1, redis_away=1)
    counts.forget_present()
    assert counts == Counts(requests=2, rows_dropped=3)


def test_what_is_written_is_read() -> None:
    assert decoded(encoded(some(7))) == some(7)
    with pytest.raises(msgspec.MsgspecError):
        decoded(b"\x93")


def test_histograms_of_other_versions_are_left_out() -> None:
    mine, theirs = histogram((1.0, 2.0)), histogram((1.0, 3.0))
    observe(theirs, 0.5)
    mine.add(theirs)
    assert mine.buckets() == [("1.0", 0), ("2.0", 0), ("+Inf", 0)]
