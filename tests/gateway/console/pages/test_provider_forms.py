"""Each kind of provider asks for what goes with it."""

from __future__ import annotations

import pytest

from gateway.console.pages import provider_forms as forms
from gateway.kernel.asking import BadParameter
from providers.drivers.table import DEFAULT_KIND, DRIVERS
from providers.models import Provider


def names(kind: str) -> set[str]:
    return {each.name for each in forms.to_add(kind)}


def test_every_kind_has_its_own_fields() -> None:
    assert {kind for kind, _ in forms.KINDS} == set(DRIVERS) - {"crater"}
    assert {"base_url", "responses", "tools"} <= names("openai-compatible")
    assert "base_url" not in names("claude-cli") and "region" not in names("anthropic")
    assert {"region", "api", "model_ids"} <= names("bedrock")
    assert {"region", "project"} <= names("vertex") and "project" not in names("bedrock")
    assert "login" in names("anthropic") and "login" not in names("gonka")
    assert "options.mode" in names("gonka")


def test_the_kind_is_the_usual_one_or_a_known_one() -> None:
    assert forms.kind_of("") == DEFAULT_KIND and forms.kind_of("vertex") == "vertex"
    with pytest.raises(BadParameter):
        forms.kind_of("crater")


def test_what_is_given_is_put_together() -> None:
    found = forms.as_new(
        {
            "name": "p",
            "options.mode": "signed",
            "options.nodes": "",
            "model_ids": ["claude-x = anthropic.claude-x"],
            "headers": "x-team: blue\n\nx-a: b:c",
            "priority": None,
        }
    )
    assert found == {
        "name": "p",
        "options": {"mode": "signed"},
        "model_ids": {"claude-x": "anthropic.claude-x"},
        "headers": {"x-team": "blue", "x-a": "b:c"},
    }


def test_a_change_takes_out_what_is_empty_or_ticked() -> None:
    found = forms.as_changed({"default_model": "", "priority": None, "no_api_key": True, "no_headers": True})
    assert found == {"default_model": "", "api_key": None, "headers": None}


@pytest.mark.parametrize(("field", "value"), [("model_ids", ["no mark"]), ("headers", "x-team")])
def test_a_line_that_is_no_pair_is_told(field: str, value: object) -> None:
    with pytest.raises(BadParameter) as caught:
        forms.as_new({field: value})
    assert caught.value.param == field


def test_a_form_begins_with_what_stands() -> None:
    row = Provider(
        name="p", kind="bedrock", options={"region": "eu-west-1"}, model_ids={"a": "b"}, model_names=["a"]
    )
    told = forms.standing(row)
    assert (told["region"], told["model_ids"], told["models"]) == ("eu-west-1", ["a = b"], ["a"])
    assert "name" not in {each.name for each in forms.to_change(row)}
