"""Forms of the admin: the services' rules beside the fields, and secrets given only when typed."""

from __future__ import annotations

from typing import Any

import pytest

from providers.forms import ProviderForm, RouteForm
from providers.models import Provider

pytestmark = pytest.mark.django_db


def provider(**values: Any) -> ProviderForm:
    given = {
        "name": "p", "kind": "openai-compatible", "base_url": "http://p", "model_names": "[]", "is_enabled": "on",
        "priority": "100", "responses": "auto", "login": "pool", **values,
    }  # fmt: skip
    return ProviderForm(given, instance=Provider())


def test_secrets_are_told_only_when_they_change() -> None:
    form = provider()
    assert form.is_valid() and not {"api_key", "headers", "name"} & set(form.values(form.cleaned_data))
    form = provider(api_key=" k ", no_api_key="on", headers='{"x-a": "b"}')
    assert form.is_valid()
    values = form.values(form.cleaned_data)
    assert (values["api_key"], values["headers"]) == (" k ", {"x-a": "b"})
    form = provider(no_api_key="on", no_headers="on")
    assert form.is_valid()
    values = form.values(form.cleaned_data)
    assert (values["api_key"], values["headers"]) == (None, None)


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("base_url", "u"),
        ("model_names", '"m"'),
        ("headers", "[1]"),
        ("idle_timeout_seconds", "-1"),
        ("name", "ü"),
    ],
)
def test_mistakes_stand_beside_their_field(field: str, value: str) -> None:
    form = provider(**{field: value})
    assert not form.is_valid() and list(form.errors) == [field]


def test_options_of_a_kind_are_looked_at() -> None:
    form = provider(kind="gonka", options='{"mode": "signed"}', api_key="11" * 32)
    assert form.is_valid() and form.values(form.cleaned_data)["options"] == {"mode": "signed"}
    for field, values in {
        "options": {"kind": "gonka", "options": '{"mode": "x"}'},
        "api_key": {"kind": "gonka", "options": '{"mode": "signed"}', "api_key": "CANARY"},
    }.items():
        form = provider(**values)
        assert not form.is_valid() and list(form.errors) == [field] and "CANARY" not in str(form.errors)
    assert not provider(options='{"mode": "signed"}').is_valid()


def test_routes() -> None:
    form = RouteForm({"model": "m", "provider": "p", "fallbacks": "[]", "priority": "3", "is_listed": "on"})
    assert form.is_valid()
    assert (
        form.values(form.cleaned_data)["fallbacks"] == [] and form.values(form.cleaned_data)["listed"] is True
    )
    form = RouteForm({"model": "m", "provider": "b ad", "fallbacks": "[]", "priority": "3"})
    assert not form.is_valid() and list(form.errors) == ["provider"]
