"""`retry-after` in all its spellings."""

from __future__ import annotations

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from providers.drivers.retry_after import number, retry_after

NOW = 1_800_000_000.0
NAMES = (b"retry-after", b"retry-after-ms", b"date")


@pytest.mark.parametrize(
    ("headers", "expected"),
    [
        (((b"retry-after", b"30"),), NOW + 30),
        (((b"retry-after", b"0.5"),), NOW + 0.5),
        (((b"retry-after", b"30"), (b"retry-after-ms", b"1500")), NOW + 1.5),
        (((b"retry-after", b"Fri, 15 Jan 2027 08:01:00 GMT"),), NOW + 60),
        (((b"retry-after", b"soon"),), None),
        (((b"retry-after", b"-5"),), None),
        (((b"retry-after", b"nan"),), None),
        (((b"retry-after", b""),), None),
        ((), None),
    ],
)
def test_retry_after(headers: tuple[tuple[bytes, bytes], ...], expected: float | None) -> None:
    assert retry_after(headers, NOW) == expected


@given(st.lists(st.tuples(st.sampled_from(NAMES), st.binary(max_size=30)), max_size=6))
def test_nonsense_never_raises(headers: list[tuple[bytes, bytes]]) -> None:
    until = retry_after(tuple(headers), NOW)
    assert until is None or math.isfinite(until)


@pytest.mark.parametrize(("raw", "value"), [(b"1.5", 1.5), (b"inf", None), (b"x", None), (None, None)])
def test_numbers_are_finite_or_none(raw: bytes | None, value: float | None) -> None:
    assert number(raw) == value
