"""Django's own pages of logins and their groups, with a row of audit for every change."""

from __future__ import annotations

from typing import Any

from django.contrib import admin, messages
from django.contrib.auth.admin import GroupAdmin, UserAdmin
from django.contrib.auth.models import Group, User
from django.db import models, transaction
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.utils.html import format_html_join
from django.utils.safestring import mark_safe

from gateway.access.guards import SAFE_METHODS
from gateway.access.principals import name_of
from gateway.kernel import audit
from gateway.kernel.principal import of_request
from tokens import models as tokens
from tokens.admin import ServiceAdmin
from tokens.pages.forms import PersonForm
from tokens.pages.showing import moment
from tokens.people import presenting, roles, sessions
from tokens.people import services as people
from tokens.people.errors import LastAdmin
from tokens.people.mirror import is_in_use
from tokens.people.models import Person

Fields = dict[str, object]


class RecordedAdmin(admin.ModelAdmin):  # type: ignore[type-arg]  # not subscriptable at run time
    """Records what is saved and deleted. `kind` is the audit's word for the thing."""

    kind = ""

    def shown(self, row: Any) -> Fields:
        """Return the row's fields for the audit."""
        raise AssertionError("a page says what it shows")

    def subject(self, row: Any) -> str:
        return f"{self.kind}:{row}"

    def save_model(self, request: HttpRequest, obj: Any, form: Any, change: bool) -> None:
        row = self.model._default_manager.get(pk=obj.pk) if change else None
        request.was = None if row is None else (self.subject(row), self.shown(row))  # type: ignore[attr-defined]
        super().save_model(request, obj, form, change)

    def save_related(self, request: HttpRequest, form: Any, formsets: Any, change: bool) -> None:
        """Save what belongs to the row, its groups and permissions; then the change is whole."""
        super().save_related(request, form, formsets, change)
        row = self.model._default_manager.get(pk=form.instance.pk)
        subject, before = request.was or (self.subject(row), None)  # type: ignore[attr-defined]
        action = f"{self.kind}.{'create' if before is None else 'change'}"
        audit.record(of_request(request), action, subject, before, self.shown(row))

    def delete_model(self, request: HttpRequest, obj: models.Model) -> None:
        with transaction.atomic():
            audit.record(of_request(request), f"{self.kind}.remove", self.subject(obj), self.shown(obj), None)
            super().delete_model(request, obj)

    def delete_queryset(self, request: HttpRequest, queryset: QuerySet[Any]) -> None:
        with transaction.atomic():
            for row in queryset:
                self.delete_model(request, row)


class KeepsAnAdmin(admin.ModelAdmin):  # type: ignore[type-arg]
    """Refuses what would leave nobody who may everything, and says so on the page."""

    def changeform_view(self, request: HttpRequest, *args: Any, **kwargs: Any) -> Any:
        return self._kept(request, super().changeform_view, *args, **kwargs)

    def delete_view(self, request: HttpRequest, *args: Any, **kwargs: Any) -> Any:
        return self._kept(request, super().delete_view, *args, **kwargs)

    def changelist_view(self, request: HttpRequest, *args: Any, **kwargs: Any) -> Any:
        return self._kept(request, super().changelist_view, *args, **kwargs)

    def _kept(self, request: HttpRequest, view: Any, *args: Any, **kwargs: Any) -> Any:
        if request.method in SAFE_METHODS:
            return view(request, *args, **kwargs)
        try:
            with transaction.atomic(), roles.an_admin_left():
                return view(request, *args, **kwargs)
        except LastAdmin as exc:
            self.message_user(request, str(exc), messages.ERROR)
            return redirect(request.get_full_path())


class LoginAdmin(KeepsAnAdmin, RecordedAdmin, UserAdmin):  # type: ignore[type-arg]
    """Logins of people, and where they are signed in."""

    kind = "person"
    actions = ["sign_out_selected"]
    readonly_fields = ["signed_in"]

    def get_fieldsets(self, request: HttpRequest, obj: User | None = None) -> Any:
        shown = super().get_fieldsets(request, obj)
        return shown if obj is None else [*shown, ("Signed in", {"fields": ["signed_in"]})]

    @admin.display(description="from")
    def signed_in(self, row: User) -> str:
        return sign_ins_of(row)

    @admin.action(description="Sign out everywhere", permissions=["change"])
    def sign_out_selected(self, request: HttpRequest, queryset: QuerySet[User]) -> None:
        ended = sum(people.sign_out(user, principal=of_request(request)) for user in queryset)
        self.message_user(request, f"Ended {ended} sign-in(s).", messages.SUCCESS)

    def shown(self, row: User) -> Fields:
        return shown_login(row)

    def save_related(self, request: HttpRequest, form: Any, formsets: Any, change: bool) -> None:
        """Save the rest; with another role or another access her other sessions end."""
        super().save_related(request, form, formsets, change)
        before: Fields = (request.was or ("", {}))[1]  # type: ignore[attr-defined]
        if change and any(before[name] != value for name, value in _access(form.instance.pk).items()):
            sessions.end(form.instance.pk, keep=request.session.session_key or "")

    def subject(self, row: User) -> str:
        return f"person:{name_of(row)}"

    def user_change_password(self, request: HttpRequest, id: str, form_url: str = "") -> HttpResponse:
        """Set somebody's password."""
        with transaction.atomic():
            before = User.objects.filter(pk=id).first() if id.isdecimal() else None
            response = super().user_change_password(request, id, form_url)
            _record_password(request, before)
        return response


class PersonAdmin(KeepsAnAdmin, ServiceAdmin):
    """Limits of people, which hold for all sign-ins of each together. Who they are stands on the page of logins."""

    form = PersonForm
    list_display = ("person", "source", "budget", "budget_period")
    list_select_related = ["user"]
    list_filter = ["source"]
    list_per_page = 50
    search_fields = ["user__email", "user__username"]
    readonly_fields = ["person", "source", "spent", "signed_in"]

    def has_add_permission(self, request: HttpRequest) -> bool:
        return False  # every login has its row

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        """Allow it to whoever may remove the login, which it goes with."""
        return bool(request.user.has_perm("auth.delete_user"))

    def get_actions(self, request: HttpRequest) -> dict[str, Any]:
        return {}  # people are removed one by one

    @admin.display(description="person", ordering="user__email")
    def person(self, row: Person) -> str:
        return name_of(row.user)

    @admin.display(description="spent of her cap")
    def spent(self, row: Person) -> str:
        found = presenting.spent(row)
        return "—" if found is None else f"{found['spent']}, {found['remaining']} left"

    @admin.display(description="signed in from")
    def signed_in(self, row: Person) -> str:
        return sign_ins_of(row.user)

    def save_model(self, request: HttpRequest, obj: Person, form: Any, change: bool) -> None:
        people.change(obj.user, principal=of_request(request), **form.values())

    def delete_model(self, request: HttpRequest, obj: Person) -> None:
        people.remove(obj.user, principal=of_request(request))


class StaffGroupAdmin(RecordedAdmin, GroupAdmin):
    """Groups of logins: sets of permissions, and the members of token groups."""

    kind = "group"

    def has_delete_permission(self, request: HttpRequest, obj: Group | None = None) -> bool:
        """Allow it, but for roles."""
        return not _is_role(obj) and super().has_delete_permission(request, obj)

    def get_readonly_fields(self, request: HttpRequest, obj: Group | None = None) -> Any:
        return ["name"] if _is_role(obj) else []

    def get_deleted_objects(self, objs: Any, request: HttpRequest) -> Any:
        """Say which can't be removed: roles, and those to whose token group something belongs."""
        *found, protected = super().get_deleted_objects(objs, request)
        used = tokens.Group.objects.filter(name__in=[group.name for group in objs])
        kept = [f"role {group.name}" for group in objs if _is_role(group)]
        kept += [f"token group {group}" for group in used if is_in_use(group)]
        return (*found, [*protected, *kept])

    def shown(self, row: Group) -> Fields:
        return {"name": row.name, "permissions": _permissions(row.permissions)}


def _is_role(group: Group | None) -> bool:
    return group is not None and group.name.startswith(roles.PREFIX)


def _access(pk: int) -> Fields:
    """Return what the audit shows of a login that is about what it may."""
    shown = shown_login(User.objects.get(pk=pk))
    return {name: shown[name] for name in ("is_active", "is_staff", "is_superuser", "groups", "permissions")}


def sign_ins_of(user: User) -> str:
    """Return a line for each sign-in that may still be refreshed."""
    lines = (
        (each.client or each.surface or "?", moment(each.started_at), moment(each.ends_at))
        for each in presenting.alive(user)
    )
    return format_html_join(mark_safe("<br>"), "{}, since {}, until {}", lines) or "—"


def password_change(request: HttpRequest) -> HttpResponse:
    """Let somebody change the own password: Django's page."""
    with transaction.atomic():
        before = User.objects.filter(pk=request.user.pk or 0).first()
        response = admin.site.password_change(request)
        _record_password(request, before)
    return response


def shown_login(row: User) -> Fields:
    """Return the fields of a login for the audit, which keeps nothing of the password."""
    return {
        "username": row.username,
        "email": row.email or None,
        "first_name": row.first_name or None,
        "last_name": row.last_name or None,
        "is_active": row.is_active,
        "is_staff": row.is_staff,
        "is_superuser": row.is_superuser,
        "groups": sorted(row.groups.values_list("name", flat=True)) or None,
        "permissions": _permissions(row.user_permissions),
        "password": row.password,
    }


def _permissions(of: Any) -> list[str] | None:
    names = of.values_list("content_type__app_label", "codename")
    return sorted(f"{app}.{codename}" for app, codename in names) or None


def _record_password(request: HttpRequest, before: User | None) -> None:
    if before is None or request.method != "POST":
        return
    after = User.objects.get(pk=before.pk)
    sides = {"password": before.password}, {"password": after.password}
    audit.record(of_request(request), "person.change", f"person:{name_of(before)}", *sides)
