from __future__ import annotations

import msgspec
import pytest

from providers.translation.messages.answer import arguments_text, custom_input


@pytest.mark.parametrize(("raw", "expected"), [(b"", "{}"), (b"null", "{}"), (b'{"a": 1}', '{"a": 1}')])
def test_arguments(raw: bytes, expected: str) -> None:
    assert arguments_text(msgspec.Raw(raw)) == expected


@pytest.mark.parametrize(
    ("arguments", "expected"),
    [('{"input":"x"}', "x"), ("{}", ""), ('{"input":5}', "5"), ('{"inp', '{"inp'), ("[]", "[]")],
)
def test_the_input_of_a_custom_tool(arguments: str, expected: str) -> None:
    assert custom_input(arguments) == expected
