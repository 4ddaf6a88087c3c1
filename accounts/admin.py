"""Admin pages of accounts: their state, and the operator's actions. Secrets go in, never out."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from django import forms
from django.contrib import admin, messages
from django.db.models import QuerySet
from django.http import HttpRequest
from django.utils.html import format_html, format_html_join
from django.utils.safestring import SafeString

from accounts import services
from accounts.credentials import cloud_rows
from accounts.credentials.clouds import KINDS
from accounts.errors import AccountError, BadAccount
from accounts.models import Account, PoolSetting, Source
from accounts.pool.live import pool_to_show
from accounts.pool.overview import MISLEADING_LIMIT, VENDOR_TERMS, account_view
from accounts.pool.store import ONLY_ROW
from accounts.probing import probe
from gateway.kernel.moments import end_for_people
from gateway.kernel.principal import of_request

if TYPE_CHECKING:  # Django's classes take their model as a parameter in the stubs only
    BaseForm = forms.ModelForm[Account]
    BaseAccountAdmin = admin.ModelAdmin[Account]
    BaseSettingAdmin = admin.ModelAdmin[PoolSetting]
else:
    BaseForm = forms.ModelForm
    BaseAccountAdmin = BaseSettingAdmin = admin.ModelAdmin

TERMS = ("is_paused", "priority", "weight", "max_parallel", "pause_at_percent", "request_caps")
PLACE = ("provider", "location", "region")
WRITE_ONLY = ("secret", "refresh_token", "proxy", *cloud_rows.FIELDS)
LEFT_ALONE = "Leave empty to keep what is stored. It is never shown."


class AccountForm(BaseForm):
    """Form of an account, checked with the same rules as the API."""

    secret = forms.CharField(
        required=False,
        widget=forms.PasswordInput,
        strip=True,
        help_text=f"API key, access token, or the secret of a cloud's login (Google's: its JSON). {LEFT_ALONE}",
    )
    refresh_token = forms.CharField(
        required=False, widget=forms.PasswordInput, help_text=f"Of an oauth account. {LEFT_ALONE}"
    )
    proxy = forms.CharField(
        required=False,
        widget=forms.PasswordInput,
        help_text=f"http:// or socks5://[user:password@]host:port. {LEFT_ALONE}",
    )
    no_proxy = forms.BooleanField(required=False, label="Remove the egress proxy")
    access_key_id = forms.CharField(required=False, help_text=f"Of an aws account. {LEFT_ALONE}")
    session_token = forms.CharField(
        required=False, widget=forms.PasswordInput, help_text=f"Of an aws account. {LEFT_ALONE}"
    )
    role_arn = forms.CharField(required=False, help_text=f"Of an aws account: to assume. {LEFT_ALONE}")
    tenant_id = forms.CharField(required=False, help_text=f"Of an azure account. {LEFT_ALONE}")
    client_id = forms.CharField(required=False, help_text=f"Of an azure account. {LEFT_ALONE}")

    class Meta:
        model = Account
        fields = ("name", "source", *PLACE, *TERMS)

    def values(self) -> dict[str, Any]:
        """Return what services are told: only what was changed, secrets only when given."""
        changed = {
            name: self.cleaned_data[name]
            for name in self.changed_data
            if name not in (*WRITE_ONLY, "no_proxy")
        }
        if "request_caps" in changed:
            changed["request_caps"] = changed["request_caps"] or []
        given = {name: self.cleaned_data[name] for name in WRITE_ONLY if self.cleaned_data.get(name)}
        if self.cleaned_data.get("no_proxy"):
            given["proxy"] = ""
        return {**changed, **given}

    def clean(self) -> dict[str, Any]:
        """Run the services' own checks without writing, so that a mistake is told beside its field."""
        cleaned = super().clean() or {}
        if self.errors:
            return cleaned
        try:
            services.check(None if self.instance.pk is None else self.instance, self.as_given(cleaned))
        except BadAccount as exc:
            self.add_error(exc.field if exc.field in self.fields else None, str(exc))
        except AccountError as exc:
            self.add_error(None, str(exc))
        return cleaned

    def as_given(self, cleaned: dict[str, Any]) -> dict[str, Any]:
        self.cleaned_data = cleaned
        values = self.values()
        if self.instance.pk is None:
            values.update({"name": cleaned["name"], "source": cleaned["source"]})
        return values


@admin.register(Account)
class AccountAdmin(BaseAccountAdmin):
    """Accounts with their live state; actions pause, resume, clear and test."""

    form = AccountForm
    list_display = ("name", "provider", "source", "state", "used_now", "cooldowns", "quota_now", "error")
    list_filter = ("provider", "source", "is_paused", "is_absent", "needs_login")
    search_fields = ("name", "provider")
    search_help_text = "Search by name or provider"
    actions = ["pause", "resume", "clear", "test"]
    readonly_fields = ("state", "cooldowns", "quota_now", "error", "used_now", "about_subscriptions")

    def get_queryset(self, request: HttpRequest) -> QuerySet[Account]:
        """Return the rows; the pool is asked once for each page, and the answer is kept beside them."""
        if not getattr(request, "has_asked_pool", False):
            request.has_asked_pool = True  # type: ignore[attr-defined]
            pool = pool_to_show()
            pool.apply_changes()
            self._asked_at = now = pool.now()
            self._views = {state.id: account_view(state, now, include_paths=True) for state in pool.states()}
        return super().get_queryset(request)

    def get_readonly_fields(self, request: HttpRequest, obj: Account | None = None) -> tuple[str, ...]:
        fixed: tuple[str, ...] = () if obj is None else ("name", "source")
        managed = PLACE if obj is not None and obj.is_managed else ()
        return (*fixed, *managed, *self.readonly_fields)

    def get_fieldsets(self, request: HttpRequest, obj: Account | None = None) -> Any:
        secrets: tuple[str, ...] = ("proxy", "no_proxy")
        if obj is None or obj.source in (Source.API_KEY, Source.OAUTH, *KINDS):
            secrets = ("secret", "refresh_token", *secrets)
        if obj is None or obj.source in KINDS:
            secrets = (*secrets, *cloud_rows.FIELDS)
        now = () if obj is None else (("Now", {"fields": self.readonly_fields}),)
        return (
            *now,
            (
                None,
                {"fields": ("name", "source", *PLACE), "description": VENDOR_TERMS if obj is None else None},
            ),
            ("Secrets", {"fields": secrets}),
            ("Choice", {"fields": TERMS}),
        )

    def save_model(self, request: HttpRequest, obj: Account, form: Any, change: bool) -> None:
        if change:
            services.update(obj.name, form.values(), principal=of_request(request))
        else:
            given = form.as_given(form.cleaned_data)
            obj.pk = services.add(given, principal=of_request(request)).pk

    def delete_model(self, request: HttpRequest, obj: Account) -> None:
        self._each(request, [obj], services.remove, "removed")

    def delete_queryset(self, request: HttpRequest, queryset: QuerySet[Account]) -> None:
        self._each(request, list(queryset), services.remove, "removed")

    def has_delete_permission(self, request: HttpRequest, obj: Account | None = None) -> bool:
        """Refuse to delete an account that the environment names: it would come back."""
        is_named = obj is not None and obj.is_managed and not obj.is_absent
        return super().has_delete_permission(request, obj) and not is_named

    @admin.action(description="Pause: take out of choice", permissions=["change"])
    def pause(self, request: HttpRequest, queryset: QuerySet[Account]) -> None:
        self._each(request, list(queryset), services.pause, "paused")

    @admin.action(description="Resume", permissions=["change"])
    def resume(self, request: HttpRequest, queryset: QuerySet[Account]) -> None:
        self._each(request, list(queryset), services.resume, "resumed")

    @admin.action(description="Clear cooldowns, marks and the breaker", permissions=["change"])
    def clear(self, request: HttpRequest, queryset: QuerySet[Account]) -> None:
        self._each(request, list(queryset), services.clear, "cleared")

    @admin.action(description="Test: ask the upstream, costs no tokens", permissions=["change"])
    def test(self, request: HttpRequest, queryset: QuerySet[Account]) -> None:
        for row in queryset:
            try:
                result = probe(row.name, principal=of_request(request))
            except AccountError as exc:
                self.message_user(request, f"{row.name}: {exc}", messages.ERROR)
                continue
            level = messages.SUCCESS if result.is_ok else messages.ERROR
            self.message_user(request, f"{row.name}: {result.told}", level)

    def _each(self, request: HttpRequest, rows: list[Account], act: Callable[..., Any], done: str) -> None:
        for row in rows:
            try:
                act(row.name, principal=of_request(request))
            except AccountError as exc:
                self.message_user(request, str(exc), messages.ERROR)
            else:
                self.message_user(request, f"{row.name}: {done}", messages.SUCCESS)

    def _view(self, row: Account) -> dict[str, Any]:
        return self._views.get(row.pk, {})

    @admin.display(description="state")
    def state(self, row: Account) -> str:
        return str(self._view(row).get("state", ""))

    @admin.display(description="calls so far")
    def used_now(self, row: Account) -> int:
        return int(self._view(row).get("used_total", row.used))

    @admin.display(description="on cooldown")
    def cooldowns(self, row: Account) -> SafeString | str:
        lines = [
            (
                " ".join(filter(None, (cooldown["scope"], cooldown["value"]))),
                end_for_people(cooldown["until"], self._asked_at),
                cooldown["reason"],
            )
            for cooldown in self._view(row).get("cooldowns", [])
        ]
        return format_html_join(SafeString("<br>"), "{}: {}, {}", lines) or "–"

    @admin.display(description="quota windows")
    def quota_now(self, row: Account) -> SafeString | str:
        lines = [
            (window["name"], _share(window["used_percent"]), _until(window["resets_at"]))
            for window in self._view(row).get("quota", [])
        ]
        return format_html_join(SafeString("<br>"), "{}: {}{}", lines) or "–"

    @admin.display(description="last error")
    def error(self, row: Account) -> str:
        return str(self._view(row).get("last_error") or "–")

    @admin.display(description="about subscriptions")
    def about_subscriptions(self, row: Account) -> SafeString:
        return format_html("<p>{}</p><p>{}</p>", VENDOR_TERMS, MISLEADING_LIMIT)


@admin.register(PoolSetting)
class PoolSettingAdmin(BaseSettingAdmin):
    """Setting of the pool in one row: the strategy, changed while the pool runs."""

    fields = ("strategy",)

    def formfield_for_dbfield(self, db_field: Any, request: HttpRequest, **kwargs: Any) -> Any:
        field = super().formfield_for_dbfield(db_field, request, **kwargs)
        if db_field.name == "strategy" and field is not None:
            field.help_text = "How the next account is chosen. Empty: as ACCOUNT_ROUTING_STRATEGY says."
        return field

    def has_add_permission(self, request: HttpRequest) -> bool:
        return super().has_add_permission(request) and not PoolSetting.objects.exists()

    def has_delete_permission(self, request: HttpRequest, obj: PoolSetting | None = None) -> bool:
        return False

    def save_model(self, request: HttpRequest, obj: PoolSetting, form: Any, change: bool) -> None:
        services.set_strategy(obj.strategy, principal=of_request(request))
        obj.pk = ONLY_ROW


def _share(percent: float | None) -> str:
    return "use not told" if percent is None else f"{percent} % used"


def _until(moment: float | None) -> str:
    return "" if moment is None else f", until {_when(moment)}"


def _when(moment: float | None) -> str:
    return "?" if moment is None else datetime.fromtimestamp(moment, UTC).strftime("%d %b %H:%M UTC")
