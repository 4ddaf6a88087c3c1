"""Broken text in JSON."""

import msgspec
import orjson
import pytest

from providers.dialects.mending import (
    DONE,
    UNREADABLE,
    UNWRITABLE,
    as_refusal,
    is_unwritable,
    mended,
    pieces,
    tolerant,
)
from providers.dialects.types import Refused


@pytest.mark.parametrize(
    ("broken", "whole"),
    [
        (rb'{"a": "\ud83d"}', {"a": "\ufffd"}),
        (rb'{"a": "\uDE00x"}', {"a": "\ufffdx"}),
        (rb'{"a": "\ud83d\ud83d\ude00\ude00"}', {"a": "\ufffd\U0001f600\ufffd"}),
        (rb'{"a": "\\ud83d \\\ud83d"}', {"a": "\\ud83d \\\ufffd"}),
        (rb'{"a": "\ud83d\\ude00"}', {"a": "\ufffd\\ude00"}),
        (b'{"a": "\xff\xc3"}', {"a": "\ufffd\ufffd"}),
        (b'{"a": "\xed\xa0\xbd"}', {"a": "\ufffd\ufffd\ufffd"}),
        (b'\xef\xbb\xbf{"a": 1}', {"a": 1}),
        (b'\xef\xbb\xbf{"\xff": "\\ud800"}', {"\ufffd": "\ufffd"}),
    ],
)
def test_half_a_character_becomes_the_replacement(broken: bytes, whole: object) -> None:
    assert tolerant(orjson.loads, broken) == whole
    assert tolerant(msgspec.json.decode, broken) == whole


@pytest.mark.parametrize("data", [b"{}", rb'"\ud83d\ude00 \\ud83d"', "é".encode(), b""])
def test_what_is_whole_is_the_same_object(data: bytes) -> None:
    assert mended(data) is data


@pytest.mark.parametrize(
    "data",
    [b"{", b"[" * 100_000, b"NaN", b"1e999", b'"\0"', b"\xff", b"9" * 5000],
    ids=["cut", "deep", "nan", "infinite", "nul", "byte", "long"],
)
def test_what_cannot_be_read_says_so(data: bytes) -> None:
    for decode in (orjson.loads, msgspec.json.decode):
        with pytest.raises(UNREADABLE):
            tolerant(decode, data)


def test_what_cannot_be_written_again() -> None:
    deep: object = 1
    for _ in range(500):
        deep = [deep]
    for value in (deep, 10**30):
        with pytest.raises(UNWRITABLE) as raised:
            orjson.dumps(value)
        assert is_unwritable(raised.value)
        assert isinstance(as_refusal(raised.value), Refused)
    defect = TypeError("unsupported operand")
    assert as_refusal(defect) is defect


@pytest.mark.parametrize(
    ("data", "found", "rest"),
    [
        (b'{"a": "x\ty\nz"}', [{"a": "x\ty\nz"}], b""),
        (b'{"a": 1}{"b": 2}', [{"a": 1}, {"b": 2}], b""),
        (b'{"a": 1}\n{"b": 2},\n[DONE]', [{"a": 1}, {"b": 2}, None], b""),
        (b'{"a": NaN}', [{"a": None}], b""),
        (b'{"a": 1} {"b', [{"a": 1}], b'{"b'),
        (b"out of memory", [], b"out of memory"),
        (b'{"a": "\xff\\ud83d\n"}', [{"a": "\ufffd\ufffd\n"}], b""),
        (b"", [], b""),
    ],
)
def test_pieces_of_an_event(data: bytes, found: list[object], rest: bytes) -> None:
    values, left = pieces(data)
    assert [None if value == DONE else orjson.loads(value) for value in values] == found and left == rest


def test_many_pieces_take_linear_time() -> None:
    values, _ = pieces(b'{"a": 1}\n' * 200_000)
    assert len(values) == 200_000
    assert pieces(b"[" * 100_000)[1] == b"[" * 100_000
    assert pieces(b'{"a": ' + b"9" * 30 + b"}")[0] == []
