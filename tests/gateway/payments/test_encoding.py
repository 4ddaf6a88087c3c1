"""base64url without padding, and canonical JSON."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.payments import encoding


@given(st.binary(max_size=64))
def test_what_is_encoded_is_decoded(data: bytes) -> None:
    text = encoding.encode(data)
    assert "=" not in text
    assert encoding.decode(text) == data


@pytest.mark.parametrize("text", ["YQ==", "YQ=", "a b", "ab+/", "YR", "A", "é", "YQ\n"])
def test_other_texts_are_refused(text: str) -> None:
    with pytest.raises(ValueError, match="base64url"):
        encoding.decode(text)


def test_json_is_canonical() -> None:
    value = {"b": 'é"\n', "a": {"d": "1", "c": ["x"]}}
    assert encoding.canonical(value) == '{"a":{"c":["x"],"d":"1"},"b":"é\\"\\n"}'.encode()
    assert encoding.decode_object(encoding.encode_object(value)) == value


@pytest.mark.parametrize("content", [b"[1]", b'"x"', b"{", b"\xff", b"1", b"null", b"", b"[" * 5000])
def test_only_objects_are_decoded(content: bytes) -> None:
    with pytest.raises(ValueError):
        encoding.decode_object(encoding.encode(content))
