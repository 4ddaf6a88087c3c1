from __future__ import annotations

import pytest

from providers.translation.common.arguments import first_object, is_whole_object


@pytest.mark.parametrize(
    ("text", "whole"), [("{}", True), (' {"a": [1]} ', True), ("", False), ("[]", False), ('{"a"', False)]
)
def test_whole_objects(text: str, whole: bool) -> None:
    assert is_whole_object(text) is whole


@pytest.mark.parametrize(
    ("before", "text", "end"),
    [
        ("", "{}{}", 2),
        ('{"a"', ": {}} {}", 5),
        ("", '{"a": "}{"}', None),
        ("", "{}", None),
        ("", '{"a": "}{"}{}', 11),
    ],
)
def test_where_the_first_of_two_objects_ends(before: str, text: str, end: int | None) -> None:
    assert first_object(before, text) == end
