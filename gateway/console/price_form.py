"""The form of a price on the admin's pages, with the checks that services make."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

from django import forms
from django.db.models import Field

from gateway.models import PriceRow
from gateway.usage.prices import services as prices
from gateway.usage.prices.errors import BadPrice


class PriceForm(forms.ModelForm):  # type: ignore[type-arg]  # not subscriptable at run time
    """Takes what is not given of multiples for the usual."""

    class Meta:
        model = PriceRow
        fields = ("model", "provider", *prices.FIELDS)

    def __init__(self, *args: Any, **given: Any) -> None:
        super().__init__(*args, **given)
        for name in usual():
            self.fields[name].required = False

    def clean(self) -> dict[str, Any]:
        cleaned = super().clean() or {}
        cleaned |= {name: value for name, value in usual().items() if cleaned.get(name, "") is None}
        for name in prices.FIELDS:
            if name in cleaned:
                try:
                    prices.checked({name: cleaned[name]})
                except BadPrice as problem:
                    self.add_error(name, problem.message.removeprefix(f"{name}: "))
        return cleaned


def usual() -> dict[str, Decimal]:
    """Return what holds of a price where nothing is said."""
    found = {}
    for field in PriceRow._meta.get_fields():
        if isinstance(field, Field) and isinstance(field.default, Decimal):
            found[field.name] = field.default
    return found
