"""JSON objects of requests: read or refused."""

from __future__ import annotations

import pytest

from tokens.bodies import parse_object
from tokens.errors import BadTokenField


def test_an_object_is_read() -> None:
    assert parse_object('{"a":1,"b":{"c":[null]},"é":"ż"}'.encode()) == {"a": 1, "b": {"c": [None]}, "é": "ż"}


@pytest.mark.parametrize(("raw", "message"), [
    (b"", "not valid JSON"), (b"{}x", "not valid JSON"), (b"\xef\xbb\xbf{}", "not valid JSON"),
    (b'{"a":Infinity}', "not valid JSON"), (b'{"a":' * 50_000, "not valid JSON"), (b"\xff", "not valid JSON"),
    (b"9" * 10_000, "not valid JSON"), (b"5", "must be a JSON object"), (b"null", "must be a JSON object"),
    (b'{"a":{"b":1,"b":2}}', "b: is given twice"),
])  # fmt: skip
def test_what_is_no_object_is_refused(raw: bytes, message: str) -> None:
    with pytest.raises(BadTokenField, match=message):
        parse_object(raw)
