"""Forms of the admin: the same checks as everywhere (`fields`), with lists written one entry a line."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

from django import forms
from django.contrib.admin.widgets import AdminSplitDateTime

from tokens import fields
from tokens.errors import BadTokenField
from tokens.groups.services import check_parent
from tokens.models import Group, Token
from tokens.people.models import Person
from tokens.people.standing import address_of

LIMIT_HELP = {
    "max_requests": "Calls in all. Empty: no limit, here and below.",
    "requests_per_minute": "In any 60 seconds.",
    "input_tokens_per_minute": "Input and cache writes; what is read from the cache does not count.",
    "output_tokens_per_minute": "Reserved by the call's max_tokens, settled by what was written.",
    "max_parallel_requests": "Calls running at the same time.",
    "budget": "Money per period. A model without a price is refused then, unless UNKNOWN_PRICE says otherwise.",
    "budget_currency": "The currency of the prices. Empty: USD.",
    "budget_period": "Spending begins anew each day, Monday or first of the month (BUDGET_TIME_ZONE), or never.",
    "budget_soft_percent": "From this share of the budget on, answers carry x-budget-warning.",
    "allowed_models": "One pattern a line, such as claude-*. Empty: every model.",
    "allowed_surfaces": "One a line: messages, chat_completions, responses, bedrock, vertex, ... Empty: every surface.",
}


class LinesField(forms.CharField):
    """Field of a list of strings, one a line."""

    widget = forms.Textarea(attrs={"rows": 3, "cols": 50, "class": "vLargeTextField"})

    def __init__(self, *, encoder: Any = None, decoder: Any = None, **kwargs: Any) -> None:
        super().__init__(**kwargs)  # a model's JSONField hands over two arguments that lines don't need

    def prepare_value(self, value: Any) -> Any:
        return "\n".join(value) if isinstance(value, list) else value

    def to_python(self, value: Any) -> Any:
        return [line.strip() for line in (value or "").splitlines() if line.strip()]

    def has_changed(self, initial: Any, data: Any) -> bool:
        return bool(self.to_python(data) != (initial or []))


class CheckedForm(forms.ModelForm):  # type: ignore[type-arg]  # of tokens and of groups
    """Form that checks every enabled field with `fields.check`, so that the admin says what the API says."""

    checked: tuple[str, ...] = ()

    def values(self) -> dict[str, object]:
        """Return the cleaned fields as the services take them: nothing is null, groups are names."""
        found: dict[str, object] = {}
        for name in self.checked:
            if name in self.cleaned_data:
                value = self.cleaned_data[name]
                value = value.name if isinstance(value, Group) else value
                found[name] = None if value == "" else value
        return found

    def clean(self) -> dict[str, Any]:
        super().clean()
        for name, value in self.values().items():
            try:
                fields.check(name, value)
            except BadTokenField as problem:
                self.add_error(name, problem.message.removeprefix(f"{name}: "))
        if self.cleaned_data.get("budget") is not None and not self.cleaned_data.get("budget_period"):
            self.add_error(
                "budget_period", "Say when spending begins anew; once, never reset, is a choice too."
            )
        return self.cleaned_data


class TokenForm(CheckedForm):
    """Form of the fields that may be changed on a token."""

    checked = tuple(name for name in fields.enabled(fields.TOKEN_FIELDS) if name != "person")
    owner = forms.CharField(
        required=False,
        max_length=fields.MAX_NAME_LENGTH,
        help_text="The address of who answers for it. Her own limits do not hold here.",
    )
    owner.widget.attrs["class"] = "vTextField"
    label = forms.CharField(required=False, max_length=fields.MAX_LABEL_LENGTH, strip=False)
    label.widget.attrs["class"] = "vTextField"

    class Meta:
        model = Token
        fields = ("label", *(name for name in fields.enabled(fields.TOKEN_FIELDS) if name != "person"))
        field_classes = {"allowed_models": LinesField, "allowed_surfaces": LinesField}
        widgets = {
            "account": forms.TextInput(attrs={"class": "vTextField"}),
            "provider": forms.TextInput(attrs={"class": "vTextField"}),
            "allowed_models": LinesField.widget,
            "allowed_surfaces": LinesField.widget,
        }
        help_texts = {
            "account": "Serve this token with this account only. Empty: any.",
            "provider": "Serve this token with this provider only. Empty: any.",
            "group": "The group's limits hold too.",
            "payment": "Where calls are paid for one by one (MPP_ENABLE). Prepaid needs a budget.",
            "log_requests": "Keep what it asks and is answered: redacted, encrypted, REQUEST_LOG_RETENTION_DAYS long.",
            **LIMIT_HELP,
        }

    def values(self) -> dict[str, object]:
        return {**super().values(), "person": self.cleaned_data.get("owner") or None}


class IssueForm(TokenForm):
    ttl_hours = forms.IntegerField(
        label="Valid for (hours)",
        initial=fields.DEFAULT_TTL_HOURS,
        min_value=1,
        max_value=fields.MAX_TTL_HOURS,
        help_text="From 1 hour to 10 years (87600).",
    )
    field_order = ("label", "ttl_hours")


class ChangeForm(TokenForm):
    ends = forms.SplitDateTimeField(
        label="Ends (UTC)",
        required=False,
        widget=AdminSplitDateTime,
        help_text="May be brought forward, not beyond the end that the token was signed with.",
    )
    field_order = ("label", "ends")

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.initial["ends"] = _as_date(self.instance.expires_at)
        owner = self.instance.person
        self.initial["owner"] = "" if owner is None else address_of(owner.user)

    def values(self) -> dict[str, object]:
        found = {"label": self.cleaned_data.get("label"), **super().values()}
        changed = {"person" if name == "owner" else name for name in self.changed_data}
        return {name: value for name, value in found.items() if name in changed}

    def clean(self) -> dict[str, Any]:
        cleaned = super().clean()
        ends = cleaned.get("ends")
        if ends is None and "ends" in self.changed_data:
            self.add_error("ends", "Must be given.")
        elif ends and "ends" in self.changed_data and ends.timestamp() > self.instance.signed_until:
            self.add_error("ends", "Lies beyond the end that the token was signed with; rotate it instead.")
        return cleaned


class RotateForm(forms.Form):
    grace_seconds = forms.IntegerField(
        label="Old secret works for (seconds)",
        initial=3600,
        min_value=0,
        max_value=fields.MAX_GRACE_SECONDS,
        help_text="Time for clients to change over. 0: it ends now.",
    )
    ttl_hours = forms.IntegerField(
        label="New token is valid for (hours)",
        required=False,
        min_value=1,
        max_value=fields.MAX_TTL_HOURS,
        help_text="Empty: as long as the old one.",
    )


class PersonForm(CheckedForm):
    """Form of a person's limits."""

    checked = fields.ENABLED_LIMITS

    class Meta:
        model = Person
        fields = fields.ENABLED_LIMITS
        field_classes = TokenForm.Meta.field_classes
        widgets = {
            "allowed_models": LinesField.widget,
            "allowed_surfaces": LinesField.widget,
        }
        help_texts = {**LIMIT_HELP, "budget": "Empty: what her first group gives each member, if it does."}

    def values(self) -> dict[str, object]:
        return {name: value for name, value in super().values().items() if name in self.changed_data}


class GroupForm(CheckedForm):
    checked = fields.enabled(fields.GROUP_FIELDS)
    priority = forms.IntegerField(
        required=False,
        initial=fields.USUAL_PRIORITY,
        help_text="Of a person's groups the lowest goes first, then the name.",
    )

    class Meta:
        model = Group
        fields = ("name", *fields.enabled(fields.GROUP_FIELDS))
        field_classes = TokenForm.Meta.field_classes
        widgets = {
            "allowed_models": LinesField.widget,
            "allowed_surfaces": LinesField.widget,
        }
        help_texts = {
            "parent": "The parent's limits hold too. Groups nest one level.",
            "member_budget": "Of each member who has none of her own, for all her sign-ins together.",
            "member_budget_period": "Empty: never reset.",
            **LIMIT_HELP,
        }

    def clean(self) -> dict[str, Any]:
        cleaned = super().clean()
        if cleaned.get("parent") is not None:
            try:
                check_parent(cleaned["parent"], self.instance)
            except BadTokenField as problem:
                self.add_error("parent", problem.message.removeprefix("parent: "))
        return cleaned


def _as_date(seconds: int) -> datetime | None:
    """Return a date; None for what is no date: imported records may hold any number."""
    return datetime.fromtimestamp(seconds, UTC) if 0 <= seconds < 253_402_300_800 else None
