from __future__ import annotations

import json
import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from forgefed.errors import BadSignature
from forgefed.signing.canonical import canonical

NUMBERS = {
    0: "0",
    1e21: "1e+21",
    1e20: "100000000000000000000",
    1e-6: "0.000001",
    1e-7: "1e-7",
    1.5: "1.5",
    -1.5e-9: "-1.5e-9",
    333333333.33333329: "333333333.3333333",
    1e30: "1e+30",
    4.50: "4.5",
    2e-3: "0.002",
    1e-27: "1e-27",
    5e-324: "5e-324",
    1.7976931348623157e308: "1.7976931348623157e+308",
    2**53 + 1: "9007199254740992",
    2**70: "1.1805916207174113e+21",
    0.1: "0.1",
    100.0: "100",
    -5: "-5",
    2**53 - 1: "9007199254740991",
}


def test_numbers_are_written_as_ecmascript_does():
    assert {number: canonical(number) for number in NUMBERS} == NUMBERS


def test_zero_has_no_sign():
    assert canonical(-0.0) == "0"


def test_names_are_sorted_by_utf_16_and_nothing_is_escaped_without_need():
    document = {"\u20ac": 1, "\r": 2, "\ufb33": 3, "1": 4, "\U0001f600": 5, "\x80": 6, "\u00f6": 7}
    assert list(json.loads(canonical(document))) == [
        "\r",
        "1",
        "\x80",
        "\u00f6",
        "\u20ac",
        "\U0001f600",
        "\ufb33",
    ]
    assert canonical('\u20ac$\x0f\nA\'B"\\\\"/') == '"\u20ac$\\u000f\\nA\'B\\"\\\\\\\\\\"/"'


def test_nothing_stands_between():
    assert canonical({"b": [True, None, {}], "a": []}) == '{"a":[],"b":[true,null,{}]}'


@pytest.mark.parametrize("bad", [math.nan, math.inf, "\ud800", 10**400, object()])
def test_what_has_no_canonical_form_is_refused(bad: object):
    with pytest.raises(BadSignature):
        canonical(bad)


def test_depth_is_bounded():
    deep: object = []
    for _ in range(100):
        deep = [deep]
    with pytest.raises(BadSignature, match="deep"):
        canonical(deep)


@given(st.floats(allow_nan=False, allow_infinity=False))
def test_a_number_comes_back(number: float):
    assert float(canonical(number)) == number
