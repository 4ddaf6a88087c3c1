"""Forms of the admin: checked with the services' own rules, secrets write-only."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from django import forms

from providers import route_services
from providers.errors import BadProvider, BadRoute
from providers.fields import rows
from providers.models import ModelMap, Provider, Route

if TYPE_CHECKING:  # Django's classes take their model as a parameter in the stubs only
    ProviderFormBase = forms.ModelForm[Provider]
    RouteFormBase = forms.ModelForm[Route]
    MapFormBase = forms.ModelForm[ModelMap]
else:
    ProviderFormBase = RouteFormBase = MapFormBase = forms.ModelForm

LEFT_ALONE = "Leave empty to keep what is stored. It is never shown."
API_NAMES = {"model_names": "models", "is_enabled": "enabled", "is_listed": "listed"}
"""Columns whose names differ in the API, with the name there."""


PROVIDER_FIELDS = (
    "name",
    "kind",
    "base_url",
    "default_model",
    "model_names",
    "api_key_env",
    "is_enabled",
    "priority",
    "responses",
    "login",
    "model_ids",
    "options",
    "connect_timeout_seconds",
    "first_byte_timeout_seconds",
    "idle_timeout_seconds",
)
ROUTE_FIELDS = (
    "model",
    "provider",
    "upstream_model",
    "fallbacks",
    "priority",
    "is_listed",
    "display_name",
)


class HeadersField(forms.JSONField):
    """A JSON field that is shown empty.

    What is stored is not shown; JSON's `null` would look like a value.
    """

    def prepare_value(self, value: Any) -> Any:
        return "" if value is None else super().prepare_value(value)


class ProviderForm(ProviderFormBase):
    """The form of a provider.

    A key and extra headers go in; a box each takes them out again.
    """

    api_key = forms.CharField(
        label="API key", required=False, widget=forms.PasswordInput, strip=False, help_text=LEFT_ALONE
    )
    no_api_key = forms.BooleanField(required=False, label="Remove the stored key")
    headers = HeadersField(
        required=False, help_text=f'Extra headers of every call: {{"x-team": "blue"}}. {LEFT_ALONE}'
    )
    no_headers = forms.BooleanField(required=False, label="Remove the extra headers")

    class Meta:
        model = Provider
        fields = PROVIDER_FIELDS

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.stored = dict(self.instance.options)  # a form puts what was given into its instance

    def clean(self) -> dict[str, Any]:
        """Run the services' checks without saving, so that a mistake is shown beside its field."""
        cleaned = super().clean() or {}
        if self.errors:
            return cleaned
        try:
            values = self.values(cleaned)
            fields = rows.checked_upsert({**values, "name": self.name(cleaned)})
            fields |= {name: rows.EMPTIED[name] for name in self.left_out(cleaned)}
            rows.check_logins(self.instance, fields)
            rows.check_of_kind(self.instance, fields)
        except BadProvider as exc:
            own = {name: column for column, name in API_NAMES.items()}
            own |= dict.fromkeys(rows.OWN_FIELDS, "options")
            field = own.get(exc.field, exc.field)
            self.add_error(field if field in self.fields else None, exc.problem)
        return cleaned

    def name(self, cleaned: Mapping[str, Any]) -> str:
        return str(self.instance.name if self.instance.pk else cleaned.get("name", ""))

    def values(self, cleaned: Mapping[str, Any]) -> dict[str, Any]:
        """Return the values for the services: every plain field, secrets only when given."""
        plain = {API_NAMES.get(field, field): cleaned[field] for field in PROVIDER_FIELDS if field in cleaned}
        plain.pop("name", None)
        plain["models"] = plain.get("models") or []
        plain["options"] = plain.get("options") or {}
        plain["model_ids"] = plain.get("model_ids") or {}
        plain |= dict.fromkeys(self.left_out(cleaned))
        if cleaned.get("api_key"):
            plain["api_key"] = cleaned["api_key"]
        elif cleaned.get("no_api_key"):
            plain["api_key"] = None
        if cleaned.get("headers"):
            plain["headers"] = cleaned["headers"]
        elif cleaned.get("no_headers"):
            plain["headers"] = None
        return plain

    def left_out(self, cleaned: Mapping[str, Any]) -> list[str]:
        """Return the stored options that have fields of their own elsewhere, and are taken out of the JSON here."""
        if self.add_prefix("options") not in self.data:
            return []
        given = cleaned.get("options") or {}
        return [name for name in rows.OWN_FIELDS if name in self.stored and name not in given]


class RouteForm(RouteFormBase):
    """The form of a route, checked with the services' rules."""

    class Meta:
        model = Route
        fields = ROUTE_FIELDS

    def clean(self) -> dict[str, Any]:
        cleaned = super().clean() or {}
        if self.errors:
            return cleaned
        try:
            route_services.clean(self.values(cleaned))
        except BadRoute as exc:
            field = "is_listed" if exc.field == "listed" else exc.field
            self.add_error(field if field in self.fields else None, str(exc))
        return cleaned

    def values(self, cleaned: Mapping[str, Any]) -> dict[str, Any]:
        """Return the values for the services."""
        values = {API_NAMES.get(field, field): cleaned[field] for field in ROUTE_FIELDS}
        values["fallbacks"] = values["fallbacks"] or []
        return values


class ModelMapForm(MapFormBase):
    """The form of a model-map entry, checked with the services' rules."""

    class Meta:
        model = ModelMap
        fields = ("pattern", "target", "position")
