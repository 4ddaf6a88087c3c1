"""What a browser sends becomes what services take."""

from __future__ import annotations

import pytest
from django.http import QueryDict

from gateway.console.pages.inputs import Input, drawn, filled, read
from gateway.kernel.asking import BadParameter

INPUTS = (
    Input("name", "Name", is_required=True),
    Input("key", "Key", "secret"),
    Input("weight", "Weight", "whole", is_rare=True),
    Input("until", "Until", "number"),
    Input("on", "On", "flag"),
    Input("models", "Models", "lines"),
)


def test_each_kind_has_its_type() -> None:
    given = QueryDict("name=+a+&key=s&weight=5&until=1.5&on=on&models=x%0D%0A%0D%0A+y&csrfmiddlewaretoken=z")
    assert read(INPUTS, given) == {
        "name": "a", "key": "s", "weight": 5, "until": 1.5, "on": True, "models": ["x", "y"],
    }  # fmt: skip


def test_what_is_empty_is_told_by_its_kind_and_an_empty_secret_is_not_said() -> None:
    found = read(INPUTS, QueryDict("name=&key="))
    assert found == {"name": "", "weight": None, "until": None, "on": False, "models": []}
    assert filled(found) == {"on": False}


@pytest.mark.parametrize(
    ("sent", "field"), [("weight=x", "weight"), ("until=x", "until"), ("colour=red", "colour")]
)
def test_what_is_wrong_is_named(sent: str, field: str) -> None:
    with pytest.raises(BadParameter) as caught:
        read(INPUTS, QueryDict(sent))
    assert caught.value.param == field


def test_secrets_are_never_drawn_and_what_is_wrong_stands_beside_its_field() -> None:
    form = drawn(
        INPUTS, {"name": "a", "key": "hidden", "models": ["x", "y"], "on": True}, ("weight", "too much")
    )
    plain = {each["name"]: each for each in form["plain"]}
    assert (plain["name"]["value"], plain["key"]["value"], plain["models"]["value"]) == ("a", "", "x\ny")
    assert plain["on"]["is_on"] and form["is_open"] and form["wrong"] == ""
    assert [each["wrong"] for each in form["rare"]] == ["too much"]
    assert drawn(INPUTS, {}, ("principal", "unknown field"))["wrong"] == "principal: unknown field"
