"""Forms of the admin: checked with the services' own rules, secrets write-only."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from django import forms

from providers import route_services, rows
from providers.errors import BadProvider, BadRoute
from providers.models import ModelMap, Provider, Route

if TYPE_CHECKING:  # Django's classes take their model as a parameter in the stubs only
    ProviderFormBase = forms.ModelForm[Provider]
    RouteFormBase = forms.ModelForm[Route]
    MapFormBase = forms.ModelForm[ModelMap]
else:
    ProviderFormBase = RouteFormBase = MapFormBase = forms.ModelForm

LEFT_ALONE = "Leave empty to keep what is stored. It is never shown."
WIRE_NAMES = {"model_names": "models", "is_enabled": "enabled", "is_listed": "listed"}
"""Rows' names that are others on the wire."""


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
    """Shown empty, for what is stored is not shown; JSON's `null` would look like a value."""

    def prepare_value(self, value: Any) -> Any:
        return "" if value is None else super().prepare_value(value)


class ProviderForm(ProviderFormBase):
    """A key and extra headers go in; a box each takes them out again."""

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

    def clean(self) -> dict[str, Any]:
        """Dry run of the services' checks, so that a mistake is told beside its field."""
        cleaned = super().clean() or {}
        if self.errors:
            return cleaned
        try:
            rows.checked_upsert({**self.values(cleaned), "name": self.name(cleaned)})
        except BadProvider as exc:
            own = {wire: row for row, wire in WIRE_NAMES.items()}
            field = own.get(exc.field, exc.field)
            self.add_error(field if field in self.fields else None, exc.problem)
        return cleaned

    def name(self, cleaned: Mapping[str, Any]) -> str:
        return str(self.instance.name if self.instance.pk else cleaned.get("name", ""))

    def values(self, cleaned: Mapping[str, Any]) -> dict[str, Any]:
        """What services are told: every plain field, secrets only when given."""
        plain = {
            WIRE_NAMES.get(field, field): cleaned[field] for field in PROVIDER_FIELDS if field in cleaned
        }
        plain.pop("name", None)
        plain["models"] = plain.get("models") or []
        if cleaned.get("api_key"):
            plain["api_key"] = cleaned["api_key"]
        elif cleaned.get("no_api_key"):
            plain["api_key"] = None
        if cleaned.get("headers"):
            plain["headers"] = cleaned["headers"]
        elif cleaned.get("no_headers"):
            plain["headers"] = None
        return plain


class RouteForm(RouteFormBase):
    """Checked with the services' rules."""

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
        """What services are told."""
        values = {WIRE_NAMES.get(field, field): cleaned[field] for field in ROUTE_FIELDS}
        values["fallbacks"] = values["fallbacks"] or []
        return values


class ModelMapForm(MapFormBase):
    """Checked with the services' rules."""

    class Meta:
        model = ModelMap
        fields = ("pattern", "target", "position")
