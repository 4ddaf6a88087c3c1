from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from providers.dialects.types import Refused
from providers.translation.common import values


@pytest.mark.parametrize(
    ("read", "value", "expected"),
    [
        (values.text, "x", "x"),
        (values.text, None, None),
        (values.number, 0.5, 0.5),
        (values.number, None, None),
        (values.count, 3, 3),
        (values.count, 3.0, 3),
        (values.flag, False, False),
        (values.flag, None, None),
        (values.objects, [{}], [{}]),
        (values.objects, None, []),
        (values.child, {}, {}),
        (values.child, None, None),
    ],
)
def test_values_of_the_right_type(read: Callable[..., Any], value: Any, expected: Any) -> None:
    assert read({"x": value}, "x") == expected


@pytest.mark.parametrize(
    ("read", "value"),
    [
        (values.text, 5),
        (values.needed_text, ""),
        (values.needed_text, None),
        (values.number, "5"),
        (values.number, True),
        (values.count, 0),
        (values.count, 0.5),
        (values.flag, 1),
        (values.objects, {}),
        (values.child, []),
    ],
)
def test_values_of_a_wrong_type_are_refused_by_name(read: Callable[..., Any], value: Any) -> None:
    with pytest.raises(Refused) as refused:
        read({"x": value}, "x", "a.0.")
    assert refused.value.failure.param == "a.0.x"


def test_an_element_is_named_by_its_place() -> None:
    with pytest.raises(Refused) as refused:
        values.objects({"x": [{}, 5]}, "x")
    assert refused.value.failure.param == "x.1"


def test_arguments() -> None:
    assert values.json_object("", "p") == {}
    assert values.json_object(None, "p") == {}
    assert values.json_object({"a": 1}, "p") == {"a": 1}
    assert values.json_object("[", "p") == {"_raw": "["}
    with pytest.raises(Refused):
        values.json_object(5, "p")
