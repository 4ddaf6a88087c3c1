"""Forms of the admin."""

from __future__ import annotations

import pytest

from tokens import fields
from tokens.models import Token
from tokens.pages.forms import GroupForm, IssueForm, LinesField


def test_lines_are_a_list() -> None:
    field = LinesField(required=False)
    assert field.clean(" a \n\n b\r\n") == ["a", "b"]
    assert field.clean("") == []
    assert field.prepare_value(["a", "b"]) == "a\nb"
    assert not field.has_changed(["a"], "a\n")
    assert field.has_changed(["a"], "b")


@pytest.mark.django_db
def test_a_form_says_what_the_api_says() -> None:
    form = IssueForm({"ttl_hours": 5, "label": "a\0b", "allowed_models": "\n".join(["m"] * 201)})
    assert not form.is_valid()
    assert "at most 200 entries" in str(form.errors["allowed_models"])
    assert "label" in form.errors


@pytest.mark.django_db
def test_empty_is_null() -> None:
    form = IssueForm({"ttl_hours": 5, "account": "", "provider": "p"})
    assert form.is_valid(), form.errors
    numbers = fields.LIMIT_FIELDS[:9]
    assert form.values() == dict.fromkeys(numbers) | {
        "account": None,
        "provider": "p",
        "group": None,
        "person": None,
        "payment": None,
        "log_requests": False,
        "allowed_models": [],
        "allowed_surfaces": [],
    }
    assert not Token.objects.exists()


@pytest.mark.parametrize("form", [IssueForm, GroupForm])
def test_every_limit_is_explained(form: type[IssueForm | GroupForm]) -> None:
    unexplained = [name for name in form.checked if not form.base_fields[name].help_text]
    assert not unexplained
