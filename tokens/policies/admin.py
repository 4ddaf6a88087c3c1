"""Admin page of policies: settings as JSON, checked as everywhere, and who would get which."""

from __future__ import annotations

import json
from typing import Any

from django import forms
from django.contrib import admin, messages
from django.contrib.auth.models import User
from django.core.exceptions import PermissionDenied
from django.http import HttpRequest, HttpResponse
from django.template.response import TemplateResponse
from django.urls import URLPattern, path
from django.utils.html import format_html

from gateway.kernel.principal import of_request
from tokens.errors import BadTokenField
from tokens.models import Group
from tokens.people import standing
from tokens.policies import services
from tokens.policies.models import EVERYBODY, Policy

MOST_PEOPLE = 500
"""On the page that previews; a search finds the others."""


class PolicyForm(forms.ModelForm):  # type: ignore[type-arg]  # not subscriptable at run time
    """The form of a policy, checked with the services' rules."""

    group = forms.ChoiceField(help_text="* is everybody whom no policy of her own groups reaches.")
    settings = forms.CharField(
        widget=forms.Textarea(
            attrs={"rows": 24, "cols": 100, "class": "vLargeTextField", "spellcheck": "false"}
        ),
        help_text="JSON, as in Claude Code's managed-settings.json. Served whole to the group's people; "
        "clients ask hourly.",
    )

    class Meta:
        model = Policy
        fields = ("group", "settings")

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        names = [EVERYBODY, *Group.objects.order_by("name").values_list("name", flat=True)]
        if self.instance.pk:
            names = [self.instance.group]
            self.initial["settings"] = _pretty(services.settings_of(self.instance))
        self.fields["group"].choices = [(name, name) for name in names]  # type: ignore[attr-defined]

    def clean_settings(self) -> str:
        """Return the text, after the checks."""
        text: str = self.cleaned_data["settings"]
        try:
            services.checked_text(text)
        except BadTokenField as problem:
            raise forms.ValidationError(problem.message.removeprefix("settings: ")) from problem
        return text


class PolicyAdmin(admin.ModelAdmin):  # type: ignore[type-arg]
    """Services write; warnings are told, not refused."""

    form = PolicyForm
    list_display = ("group", "names", "short_sum")
    readonly_fields = ("served", "warnings")
    change_list_template = "admin/tokens/policy/change_list.html"

    @admin.display(description="settings")
    def names(self, policy: Policy) -> str:
        return ", ".join(sorted(services.settings_of(policy))) or "none"

    @admin.display(description="checksum")
    def short_sum(self, policy: Policy) -> str:
        return format_html('<code title="{}">{}…</code>', policy.checksum, policy.checksum[:19])

    @admin.display(description="as it is served")
    def served(self, policy: Policy) -> str:
        if not policy.pk:
            return "—"
        return format_html(
            "<pre>{}</pre><code>{}</code>", _pretty(services.settings_of(policy)), policy.checksum
        )

    @admin.display(description="may be mistakes")
    def warnings(self, policy: Policy) -> str:
        return "\n".join(services.warnings_of(policy)) if policy.pk else "—"

    def get_urls(self) -> list[URLPattern]:
        view = self.admin_site.admin_view(self.preview)
        return [path("preview/", view, name="tokens_policy_preview"), *super().get_urls()]

    def get_actions(self, request: HttpRequest) -> dict[str, Any]:
        return {}  # removed one by one, by the service

    def save_model(self, request: HttpRequest, obj: Policy, form: Any, change: bool) -> None:
        given = services.checked_text(form.cleaned_data["settings"])
        policy = services.put(form.cleaned_data["group"], given, principal=of_request(request))
        obj.pk = policy.pk
        for text in services.warnings_of(policy):
            messages.warning(request, text)

    def delete_model(self, request: HttpRequest, obj: Policy) -> None:
        services.remove(obj.group, principal=of_request(request))

    def preview(self, request: HttpRequest) -> HttpResponse:
        """Show for each person which policy she gets, and why."""
        if not self.has_view_permission(request):
            raise PermissionDenied
        asked = request.GET.get("q", "").strip()
        users = User.objects.filter(is_active=True).order_by("username")
        users = users.filter(username__icontains=asked) if asked else users
        rows = [
            {
                "name": standing.address_of(user),
                "groups": ", ".join(group.name for group in standing.groups_of(user)) or "—",
                "policy": services.of_user(user),
            }
            for user in users[:MOST_PEOPLE]
        ]
        context = {
            **self.admin_site.each_context(request),
            "opts": self.opts,
            "media": self.media,
            "title": "Who gets which settings",
            "rows": rows,
            "asked": asked,
        }
        return TemplateResponse(request, "admin/tokens/policy/preview.html", context)


def _pretty(settings: object) -> str:
    return json.dumps(settings, indent=2, ensure_ascii=False)
