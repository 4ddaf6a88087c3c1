"""Fields of a Messages call."""

from __future__ import annotations

import json
from typing import Any

import pytest

from providers.dialects.anthropic_call import read_call


@pytest.mark.parametrize(
    ("call", "modes"),
    [
        ({}, ()),
        ({"speed": "fast"}, ("fast",)),
        ({"speed": "standard", "inference_geo": "us"}, ("region",)),
        ({"speed": "fast", "inference_geo": "us"}, ("fast", "region")),
        ({"speed": None, "inference_geo": 5}, ()),
    ],
)
def test_what_multiplies_the_price_is_read(call: dict[str, Any], modes: tuple[str, ...]) -> None:
    assert read_call(json.dumps({"model": "m", **call}).encode()).modes == modes


def test_a_container_is_noticed() -> None:
    assert read_call(b'{"model":"m","container":"c"}').has_container
    assert read_call(b'{"model":5,"container":{"id":"c"}}').has_container
    assert not read_call(b'{"model":"m"}').has_container
