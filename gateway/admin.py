"""Usage, prices, audit and logins in Django's admin. No page counts or sorts a whole table."""

from __future__ import annotations

import uuid
from collections.abc import Callable
from typing import Any

from django.contrib import admin
from django.contrib.admin.views.main import ChangeList
from django.contrib.auth.models import Group as StaffGroup
from django.contrib.auth.models import User
from django.core.exceptions import PermissionDenied
from django.db import transaction
from django.db.models import Q, QuerySet
from django.http import HttpRequest, HttpResponse
from django.template.response import TemplateResponse
from django.urls import URLPattern, path

from gateway.console import acting
from gateway.console.lists import DayFilter, LabelledList, LookOnly, StatusFilter, WithinFilter, seen, today
from gateway.console.payments import PaymentAdmin
from gateway.console.price_form import PriceForm
from gateway.console.staff import LoginAdmin, PersonAdmin, StaffGroupAdmin
from gateway.kernel.principal import of_request
from gateway.models import AuditRow, BatchRow, DailyUsage, ExchangeRow, Payment, PriceRow, StoredObjectRow
from gateway.usage import reports
from gateway.usage.prices import services as prices
from tokens.people.models import Person

USAGE_FIELDS = (
    "input_tokens",
    "cache_read_tokens",
    "cache_write_5m_tokens",
    "cache_write_1h_tokens",
    "output_tokens",
    "bytes_in",
    "bytes_out",
)


def _seconds(seconds: float) -> str:
    return f"{seconds:.3f}\N{NO-BREAK SPACE}s"


@admin.register(ExchangeRow)
class ExchangeAdmin(LookOnly):
    """Finished exchanges, to look at."""

    list_display = (
        "started",
        "status",
        "surface",
        "token",
        "where",
        "served",
        "counted",
        "took",
        "price",
        "happened",
    )
    list_filter = (
        StatusFilter,
        WithinFilter,
        DayFilter,
        seen("token_id", "token", "token_id"),
        seen("account", "account", "account"),
        seen("model", "model served", "model_served"),
    )
    ordering = ("-id",)
    fieldsets = (
        (
            None,
            {"fields": ("id", "started_at", "status", "upstream_status", "happened", "nature", "attempts")},
        ),
        ("Call", {"fields": ("surface", "method", "path", "peer", "model_asked", "model_served")}),
        (
            "Token, provider and account",
            {"fields": ("token_label", "token_id", "person", "group", "provider", "account")},
        ),
        ("Usage", {"fields": (*USAGE_FIELDS, "price")}),
        ("Times", {"fields": ("first_byte", "total", "overhead")}),
        ("Ledgers", {"fields": ("ledger_id", "group_ledger", "parent_ledger")}),
    )
    search_fields = ("id",)
    search_help_text = "A request id, or the whole id of a token"

    def get_search_results(
        self, request: HttpRequest, queryset: QuerySet[ExchangeRow], search_term: str
    ) -> tuple[QuerySet[ExchangeRow], bool]:
        """Find exact matches only: anything else would read the whole table."""
        term = search_term.strip()
        if not term:
            return queryset, False
        try:
            return queryset.filter(Q(pk=uuid.UUID(term)) | Q(token_id=term)), False
        except ValueError:
            return queryset.filter(token_id=term), False

    @admin.display(description="started (UTC)")
    def started(self, row: ExchangeRow) -> str:
        return row.started_at.strftime("%Y-%m-%d %H:%M:%S")

    @admin.display(description="token")
    def token(self, row: ExchangeRow) -> str:
        return row.token_label or row.token_id

    @admin.display(description="provider / account")
    def where(self, row: ExchangeRow) -> str:
        return " / ".join(filter(None, (row.provider, row.account)))

    @admin.display(description="what happened")
    def happened(self, row: ExchangeRow) -> str:
        """Return what we said went wrong, or what the upstream said when it refused."""
        told = row.failure_message or row.failure_kind
        return told or ("the upstream's own answer" if row.status >= 400 else "")

    @admin.display(description="kind")
    def nature(self, row: ExchangeRow) -> str:
        """Describe the kind of call in words: a cross for "not a stream" would look like a failure."""
        words = {"refused by us": row.is_refusal, "usage estimated": row.is_estimated}
        said = ", ".join(word for word, is_so in words.items() if is_so)
        return f"{'streamed' if row.is_stream else 'not streamed'}{said and f', {said}'}"

    @admin.display(description="model")
    def served(self, row: ExchangeRow) -> str:
        return row.model_served or row.model_asked

    @admin.display(description="input + cached → output")
    def counted(self, row: ExchangeRow) -> str:
        cached = row.cache_read_tokens + row.cache_write_5m_tokens + row.cache_write_1h_tokens
        words = f"{row.input_tokens} + {cached} → {row.output_tokens}"
        return f"{words} (estimated)" if row.is_estimated else words

    @admin.display(description="first byte, total")
    def took(self, row: ExchangeRow) -> str:
        return ", ".join(filter(None, (self.first_byte(row), self.total(row))))

    @admin.display(description="first byte")
    def first_byte(self, row: ExchangeRow) -> str:
        return "" if row.first_byte_seconds is None else _seconds(row.first_byte_seconds)

    @admin.display(description="total")
    def total(self, row: ExchangeRow) -> str:
        return _seconds(row.total_seconds)

    @admin.display(description="of it in the gateway")
    def overhead(self, row: ExchangeRow) -> str:
        return _seconds(row.overhead_seconds)


@admin.register(PriceRow)
class PriceAdmin(admin.ModelAdmin):  # type: ignore[type-arg]  # not subscriptable at run time
    """Prices per million tokens. Services write them."""

    form = PriceForm
    list_display = ("model", "provider", *prices.PRICES, "currency", "max_output", "priced_on")
    search_fields = ("model",)
    search_help_text = "Search by model. Prices are per million tokens."
    list_filter = ("provider", "currency")
    list_per_page = 100

    def save_model(self, request: HttpRequest, obj: PriceRow, form: Any, change: bool) -> None:
        given = {name: form.cleaned_data[name] for name in prices.FIELDS}
        key = form.cleaned_data["model"], form.cleaned_data["provider"]
        principal = of_request(request)
        with transaction.atomic():
            if change and key != (form.initial["model"], form.initial["provider"]):
                prices.delete_row(obj.pk, principal=principal)
            obj.pk = prices.put(*key, principal=principal, **given).pk

    def delete_model(self, request: HttpRequest, obj: PriceRow) -> None:
        prices.delete_row(obj.pk, principal=of_request(request))

    def delete_queryset(self, request: HttpRequest, queryset: QuerySet[PriceRow]) -> None:
        for row in queryset:
            prices.delete_row(row.pk, principal=of_request(request))


@admin.register(StoredObjectRow)
class StoredObjectAdmin(LookOnly):
    """Objects that upstreams keep, to look at: those of deleted tokens too."""

    list_display = ("id", "kind", "provider", "account", "token_id", "made_at", "expires_at")
    fields = (*list_display, "document")
    search_fields = ("id",)
    search_help_text = "An object's id, or the whole id of a token"

    def get_search_results(
        self, request: HttpRequest, queryset: QuerySet[StoredObjectRow], search_term: str
    ) -> tuple[QuerySet[StoredObjectRow], bool]:
        """Find exact matches only."""
        term = search_term.strip()
        return (queryset.filter(Q(pk=term) | Q(token_id=term)) if term else queryset), False


@admin.register(BatchRow)
class BatchAdmin(LookOnly):
    """Batches, to look at: what is held for them, and which have been billed."""

    list_display = ("id", "made_at", "token_label", "provider", "account", "held", "currency", "settled_at")
    search_fields = ("id", "token_id")


@admin.register(DailyUsage)
class DailyUsageAdmin(LookOnly):
    """Daily sums, to look at."""

    change_list_template = "admin/gateway/daily_list.html"
    list_display = (
        "day_utc",
        "token",
        "account",
        "provider",
        "model",
        "surface",
        "requests",
        "errors",
        "input_tokens",
        "output_tokens",
        "price",
    )
    list_filter = (
        DayFilter,
        seen("token_id", "token", "token_id"),
        seen("account", "account", "account"),
        seen("provider", "provider", "provider"),
        seen("model", "model", "model"),
    )
    ordering = ("-day", "-requests", "pk")

    def get_changelist(self, request: HttpRequest, **kwargs: Any) -> type[ChangeList]:
        return LabelledList

    @admin.display(description="day (UTC)")
    def day_utc(self, row: DailyUsage) -> str:
        return row.day.isoformat()

    @admin.display(description="token")
    def token(self, row: DailyUsage) -> str:
        """Return the token's label while the token exists and has one, else its id."""
        return getattr(row, "label", "") or row.token_id

    def get_urls(self) -> list[URLPattern]:
        today: Callable[..., HttpResponse] = self.admin_site.admin_view(self.today_view)
        return [path("today/", today, name="gateway_usage_today"), *super().get_urls()]

    def today_view(self, request: HttpRequest) -> HttpResponse:
        """Show today's sums by token, account and model."""
        if not self.has_view_permission(request):
            raise PermissionDenied
        day = today()
        context = {
            **self.admin_site.each_context(request),
            "title": f"Usage on {day.isoformat()} (UTC)",
            "opts": self.opts,
            "groups": reports.of_day(day),
        }
        return TemplateResponse(request, "admin/gateway/today.html", context)


@admin.register(AuditRow)
class AuditAdmin(LookOnly):
    """Shows who changed what, to look at only."""

    list_display = ("at_utc", "who", "via", "action", "subject", "peer")
    list_filter = (DayFilter, "who_kind", "via")
    ordering = ("-id",)
    fields = ("at", "who", "via", "peer", "request_id", "action", "subject", "before", "after")
    search_fields = ("subject",)
    search_help_text = "A whole subject, action or name: account:primary, token.issue, ann@example.org"

    def get_search_results(
        self, request: HttpRequest, queryset: QuerySet[AuditRow], search_term: str
    ) -> tuple[QuerySet[AuditRow], bool]:
        """Find exact matches only: anything else would read the whole table."""
        term = search_term.strip()
        exact = Q(subject=term) | Q(action=term) | Q(who_name=term)
        return (queryset.filter(exact) if term else queryset), False

    @admin.display(description="at (UTC)")
    def at_utc(self, row: AuditRow) -> str:
        return row.at.strftime("%Y-%m-%d %H:%M:%S")

    @admin.display(description="who")
    def who(self, row: AuditRow) -> str:
        return f"{row.who_kind} {row.who_name}".rstrip()


admin.site.unregister((User, StaffGroup))  # which Django's own pages have been, once ours are imported
PAGES = ((User, LoginAdmin), (StaffGroup, StaffGroupAdmin), (Person, PersonAdmin), (Payment, PaymentAdmin))
for _model, _page in (*PAGES, *acting.PAGES):
    admin.site.register(_model, _page)
