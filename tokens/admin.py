"""Admin pages of tokens and groups. A secret is shown in the one answer that makes it, and never stored."""

from __future__ import annotations

import time
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

from django.contrib import admin, messages
from django.contrib.admin.helpers import ACTION_CHECKBOX_NAME
from django.core.exceptions import PermissionDenied
from django.db.models import Count, QuerySet
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.shortcuts import redirect
from django.template.response import TemplateResponse
from django.urls import URLPattern, path
from django.utils.html import format_html, format_html_join
from django.utils.safestring import mark_safe
from django.utils.timesince import timeuntil

from gateway.kernel.principal import of_request
from tokens import services
from tokens.errors import TokenError
from tokens.groups import services as group_services
from tokens.limits import usage
from tokens.models import Group, Token
from tokens.pages import handing
from tokens.pages.forms import ChangeForm, GroupForm, IssueForm, RotateForm
from tokens.pages.showing import END_OF_DATES, moment, used_of
from tokens.policies.admin import PolicyAdmin
from tokens.policies.models import Policy


class ServiceAdmin(admin.ModelAdmin):  # type: ignore[type-arg]  # not subscriptable at run time
    """Admin whose changes services write; what they refuse is told on the form's page and not saved."""

    def changeform_view(
        self,
        request: HttpRequest,
        object_id: str | None = None,
        form_url: str = "",
        extra_context: Any = None,
    ) -> Any:
        try:
            return super().changeform_view(request, object_id, form_url, extra_context)
        except TokenError as problem:
            self.message_user(request, problem.message, messages.ERROR)
            return HttpResponseRedirect(request.get_full_path())


class StateFilter(admin.SimpleListFilter):
    title = "state"
    parameter_name = "state"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, str]]:
        return [(state, state) for state in services.STATES]

    def queryset(self, request: HttpRequest, queryset: QuerySet[Token]) -> QuerySet[Token]:
        state = self.value()
        return queryset if state not in services.STATES else services.in_state(queryset, state, time.time())


admin.site.register(Policy, PolicyAdmin)


@admin.register(Token)
class TokenAdmin(ServiceAdmin):
    form = ChangeForm
    list_display = ("name", "state", "issued", "ends_at", "account", "group", "short_id")
    list_filter = [StateFilter, "group", "account"]
    list_select_related = ["group"]
    list_per_page = 50
    search_fields = ["label", "id"]
    search_help_text = "Search by label or id"
    actions = ["revoke_selected", "expire_selected"]
    readonly_fields = [
        "id",
        "state",
        "issued",
        "ends_at",
        "ledger_id",
        "rotated_from",
        "rotated_to",
        "used",
    ]
    change_form_template = "admin/tokens/token/change_form.html"

    def get_object(self, request: HttpRequest, object_id: str, from_field: str | None = None) -> Token | None:
        """Return a token with all that its page tells of it."""
        rows = self.get_queryset(request).select_related("group__parent", "person__user")
        return rows.filter(pk=object_id).first()

    @admin.display(description="label", ordering="label")
    def name(self, token: Token) -> str:
        return token.label or "—"

    @admin.display(description="id", ordering="id")
    def short_id(self, token: Token) -> str:
        return format_html('<code title="{}">{}…</code>', token.id, token.id[:8])

    @admin.display(description="state")
    def state(self, token: Token) -> str:
        state = token.state(time.time())
        return format_html('<span class="token-state token-{}">{}</span>', state, state)

    @admin.display(description="issued (UTC)", ordering="issued_at")
    def issued(self, token: Token) -> str:
        return moment(token.issued_at)

    @admin.display(description="ends (UTC)", ordering="expires_at")
    def ends_at(self, token: Token) -> str:
        if token.state(time.time()) != "active" or not 0 < token.expires_at < END_OF_DATES:
            return moment(token.expires_at)
        return f"{moment(token.expires_at)} (in {timeuntil(datetime.fromtimestamp(token.expires_at, UTC), depth=1)})"

    @admin.display(description="rotated to")
    def rotated_to(self, token: Token) -> str:
        successor = Token.objects.filter(rotated_from=token.id).first()
        return successor.id if successor else "—"

    @admin.display(description="used")
    def used(self, token: Token) -> str:
        return _lines(used_of(usage.of_token(token)))

    def get_fieldsets(self, request: HttpRequest, obj: Token | None = None) -> Any:
        names = [name for name in ChangeForm.base_fields if name not in ("label", "ends")]
        return [
            (None, {"fields": ["id", "state", "label", "issued", "ends"]}),
            ("Where it may go, and how much", {"fields": names}),
            ("Used so far", {"fields": ["used"]}),
            ("Rotation", {"fields": ["rotated_from", "rotated_to", "ledger_id"]}),
        ]

    def get_urls(self) -> list[URLPattern]:
        rotate = path(
            "<path:object_id>/rotate/",
            self.admin_site.admin_view(self.rotate_view),
            name="tokens_token_rotate",
        )
        shown = self.admin_site.admin_view(self.secret_view)
        return [path("secret/", shown, name="tokens_token_secret"), rotate, *super().get_urls()]

    def has_delete_permission(self, request: HttpRequest, obj: Token | None = None) -> bool:
        return False  # a deleted row would forget a revocation

    def add_view(self, request: HttpRequest, form_url: str = "", extra_context: Any = None) -> HttpResponse:
        """Issue a token."""
        if not self.has_add_permission(request):
            raise PermissionDenied
        form = IssueForm(request.POST or None)
        if request.method == "POST" and form.is_valid():
            given = {
                **form.values(),
                "label": form.cleaned_data["label"],
                "ttl_hours": form.cleaned_data["ttl_hours"],
            }
            given = {name: value for name, value in given.items() if value is not None and value != []}
            try:
                issued = services.issue(principal=of_request(request), **given)
            except TokenError as problem:
                form.add_error(None, problem.message)
            else:
                self.log_addition(request, issued.token, "Issued.")
                handing.hand_over(request, issued.secret, issued.token.id)
                return redirect("admin:tokens_token_secret")
        return self._page(request, "form", {"title": "Issue a token", "form": form, "button": "Issue"})

    def rotate_view(self, request: HttpRequest, object_id: str) -> HttpResponse:
        """Ask for the grace period, then show the successor's secret."""
        token = self.get_object(request, object_id)
        if token is None or not self.has_change_permission(request, token):
            raise PermissionDenied
        form = RotateForm(request.POST or None)
        if request.method == "POST" and form.is_valid():
            try:
                terms = form.cleaned_data["grace_seconds"], form.cleaned_data["ttl_hours"]
                result = services.rotate(token.id, *terms, principal=of_request(request))
            except TokenError as problem:
                form.add_error(None, problem.message)
            else:
                self.log_change(request, token, f"Rotated to {result.issued.token.id}.")
                ends = moment(result.old_ends_at)
                handing.hand_over(request, result.issued.secret, result.issued.token.id, ends)
                return redirect("admin:tokens_token_secret")
        context = {"title": f"Rotate {token}", "form": form, "button": "Rotate", "token": token}
        return self._page(request, "form", context)

    def save_model(self, request: HttpRequest, obj: Token, form: Any, change: bool) -> None:
        given = form.values()
        if "ends" in form.changed_data:
            given["expires_at"] = int(form.cleaned_data["ends"].timestamp())
        services.change(obj.id, principal=of_request(request), **given)

    @admin.action(description="Revoke selected tokens (for good)", permissions=["change"])
    def revoke_selected(self, request: HttpRequest, queryset: QuerySet[Token]) -> HttpResponse | None:
        words = ("Revoke", "Clients with these tokens get 403 from now on. This can't be undone.", "Revoked.")
        return self._confirmed(request, queryset, services.revoke, words)

    @admin.action(description="Expire selected tokens now", permissions=["change"])
    def expire_selected(self, request: HttpRequest, queryset: QuerySet[Token]) -> HttpResponse | None:
        words = ("Expire", "These tokens end now, as if their time had run out; clients get 401.", "Expired.")
        return self._confirmed(request, queryset, services.expire, words)

    def _confirmed(
        self,
        request: HttpRequest,
        queryset: QuerySet[Token],
        service: Callable[..., Token],
        words: tuple[str, str, str],
    ) -> HttpResponse | None:
        """Show the page that asks, then act. `words` are verb, consequence, and what the history says."""
        if request.POST.get("confirmed") != "yes":
            context = {
                "title": f"{words[0]} {queryset.count()} token(s)?",
                "consequence": words[1],
                "button": words[0],
                "tokens": queryset,
                "action": request.POST.get("action", ""),
                "checkbox": ACTION_CHECKBOX_NAME,
                "is_dangerous": True,
            }
            return self._page(request, "confirm", context)
        count = 0
        for token in queryset:
            service(token.id, principal=of_request(request))
            self.log_change(request, token, words[2])
            count += 1
        self.message_user(request, f"{words[2][:-1]}: {count} token(s).", messages.SUCCESS)
        return None

    def secret_view(self, request: HttpRequest) -> HttpResponse:
        """Show the secret that was issued just now, once: to reload shows it no more, and issues nothing."""
        handed = handing.taken(request)
        if handed is None:
            messages.info(request, "A secret is shown once. If it is lost, rotate its token.")
            return redirect("admin:tokens_token_changelist")
        token = services.get(handed.token_id)
        context = {
            "title": "Your new token",
            "secret": handed.secret,
            "token": token,
            "ends": moment(token.expires_at),
            "old_ends": handed.old_ends,
            "origin": f"{request.scheme}://{request.get_host()}",
        }
        response = self._page(request, "secret", context)
        response["Cache-Control"] = "no-store"
        response["Referrer-Policy"] = "no-referrer"
        return response

    def _page(self, request: HttpRequest, name: str, context: dict[str, Any]) -> HttpResponse:
        shared = {**self.admin_site.each_context(request), "opts": self.opts, "media": self.media}
        return TemplateResponse(request, f"admin/tokens/token/{name}.html", {**shared, **context})

    class Media:
        css = {"all": ["tokens/admin.css"]}


@admin.register(Group)
class GroupAdmin(ServiceAdmin):
    form = GroupForm
    readonly_fields = ["used"]
    list_display = ("name", "parent", "members")
    list_select_related = ["parent"]
    search_fields = ["name"]

    def get_queryset(self, request: HttpRequest) -> QuerySet[Group]:
        rows: QuerySet[Group] = super().get_queryset(request)
        return rows.annotate(token_count=Count("tokens"))

    @admin.display(description="tokens")
    def members(self, group: Any) -> int:
        return int(group.token_count)

    @admin.display(description="used")
    def used(self, group: Group) -> str:
        return _lines(used_of(usage.of_group(group))) if group.pk else "—"

    def save_model(self, request: HttpRequest, obj: Group, form: Any, change: bool) -> None:
        name, principal = form.cleaned_data["name"], of_request(request)
        if change:
            group_services.change(form.initial["name"], principal=principal, name=name, **form.values())
        else:
            obj.pk = group_services.create(name, principal=principal, **form.values()).pk

    def get_actions(self, request: HttpRequest) -> dict[str, Any]:
        return {}  # groups are deleted one by one, by the service, which says when it can't

    def delete_model(self, request: HttpRequest, obj: Group) -> None:
        group_services.delete(obj.name, principal=of_request(request))


def _lines(lines: list[str]) -> str:
    return format_html_join(mark_safe("<br>"), "{}", ((line,) for line in lines))
