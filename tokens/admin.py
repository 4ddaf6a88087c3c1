"""Tokens and groups in Django's admin. Secrets are shown in the one answer that makes them, and never stored."""

from __future__ import annotations

import time
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

from django.contrib import admin, messages
from django.contrib.admin.helpers import ACTION_CHECKBOX_NAME
from django.core.exceptions import PermissionDenied
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.template.response import TemplateResponse
from django.urls import URLPattern, path
from django.utils.html import format_html, format_html_join
from django.utils.safestring import mark_safe
from django.utils.timesince import timeuntil

from . import group_services, services
from .errors import TokenError
from .forms import ChangeForm, GroupForm, IssueForm, RotateForm
from .limits import usage
from .models import Group, Token

_END_OF_DATES = 253_402_300_800  # the year 10000; imported records may hold any number


class ServiceAdmin(admin.ModelAdmin):  # type: ignore[type-arg]  # not subscriptable at run time
    """Services write; what they refuse is told on the form's page, and nothing is saved."""

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
        return _moment(token.issued_at)

    @admin.display(description="ends (UTC)", ordering="expires_at")
    def ends_at(self, token: Token) -> str:
        if token.state(time.time()) != "active" or not 0 < token.expires_at < _END_OF_DATES:
            return _moment(token.expires_at)
        return f"{_moment(token.expires_at)} (in {timeuntil(datetime.fromtimestamp(token.expires_at, UTC), depth=1)})"

    @admin.display(description="rotated to")
    def rotated_to(self, token: Token) -> str:
        successor = Token.objects.filter(rotated_from=token.id).first()
        return successor.id if successor else "—"

    @admin.display(description="used")
    def used(self, token: Token) -> str:
        return _used(usage.of_token(token))

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
        return [rotate, *super().get_urls()]

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
                issued = services.issue(**given)
            except TokenError as problem:
                form.add_error(None, problem.message)
            else:
                self.log_addition(request, issued.token, "Issued.")
                return self._show_secret(request, issued, old=None)
        return self._page(request, "form", {"title": "Issue a token", "form": form, "button": "Issue"})

    def rotate_view(self, request: HttpRequest, object_id: str) -> HttpResponse:
        """Ask for the grace, then show the successor's secret."""
        token = self.get_object(request, object_id)
        if token is None or not self.has_change_permission(request, token):
            raise PermissionDenied
        form = RotateForm(request.POST or None)
        if request.method == "POST" and form.is_valid():
            try:
                result = services.rotate(
                    token.id, form.cleaned_data["grace_seconds"], form.cleaned_data["ttl_hours"]
                )
            except TokenError as problem:
                form.add_error(None, problem.message)
            else:
                self.log_change(request, token, f"Rotated to {result.issued.token.id}.")
                return self._show_secret(request, result.issued, old=_moment(result.old_ends_at))
        context = {"title": f"Rotate {token}", "form": form, "button": "Rotate", "token": token}
        return self._page(request, "form", context)

    def save_model(self, request: HttpRequest, obj: Token, form: Any, change: bool) -> None:
        given = form.values()
        if "ends" in form.changed_data:
            given["expires_at"] = int(form.cleaned_data["ends"].timestamp())
        services.change(obj.id, **given)

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
        service: Callable[[str], Token],
        words: tuple[str, str, str],
    ) -> HttpResponse | None:
        """The page that asks, then the deed. `words` are verb, consequence, and what the history says."""
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
            service(token.id)
            self.log_change(request, token, words[2])
            count += 1
        self.message_user(request, f"{words[2][:-1]}: {count} token(s).", messages.SUCCESS)
        return None

    def _show_secret(self, request: HttpRequest, issued: services.Issued, old: str | None) -> HttpResponse:
        context = {
            "title": "Your new token",
            "secret": issued.secret,
            "token": issued.token,
            "ends": _moment(issued.token.expires_at),
            "old_ends": old,
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

    @admin.display(description="tokens")
    def members(self, group: Group) -> int:
        return group.tokens.count()

    @admin.display(description="used")
    def used(self, group: Group) -> str:
        return _used(usage.of_group(group)) if group.pk else "—"

    def save_model(self, request: HttpRequest, obj: Group, form: Any, change: bool) -> None:
        name = form.cleaned_data["name"]
        if change:
            group_services.change(form.initial["name"], name=name, **form.values())
        else:
            obj.pk = group_services.create(name, **form.values()).pk

    def get_actions(self, request: HttpRequest) -> dict[str, Any]:
        return {}  # groups are deleted one by one, by the service, which says when it can't

    def delete_model(self, request: HttpRequest, obj: Group) -> None:
        group_services.delete(obj.name)


def _used(found: dict[str, object]) -> str:
    """A line for each limit that is set, the token's own first."""
    lines = _used_lines(found)
    groups = found.get("groups")
    for group in groups if isinstance(groups, list) else ():
        lines += [f"{group['name']}: {line}" for line in _used_lines(group)]
    return format_html_join(mark_safe("<br>"), "{}", ((line,) for line in lines))


def _used_lines(found: dict[str, object]) -> list[str]:
    lines = [f"{found['requests']} requests in all"]
    for name in ("requests_per_minute", "input_tokens_per_minute", "output_tokens_per_minute"):
        if isinstance(seen := found[name], dict):
            lines.append(f"{seen['used']} {name.replace('_per_minute', '').replace('_', ' ')} in this minute")
    if isinstance(parallel := found["max_parallel_requests"], dict):
        lines.append(f"{parallel['used']} running now")
    if isinstance(budget := found["budget"], dict):
        ends = "" if budget["resets_at"] is None else f", resets {_moment(budget['resets_at'])} UTC"
        lines.append(
            f"{budget['spent']} spent, {budget['reserved']} reserved, {budget['remaining']} left{ends}"
        )
    return lines


def _moment(seconds: int) -> str:
    """Unix seconds for people; what is no date stays a number."""
    if not 0 <= seconds < _END_OF_DATES:
        return str(seconds)
    return datetime.fromtimestamp(seconds, UTC).strftime("%Y-%m-%d %H:%M")
