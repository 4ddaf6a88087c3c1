"""Usage in Django's admin: exchanges and daily sums, to look at. No page counts or sorts a whole table."""

from __future__ import annotations

import uuid
from collections.abc import Callable
from datetime import UTC, date, datetime, time, timedelta
from typing import Any

from django import forms
from django.contrib import admin
from django.core.exceptions import PermissionDenied
from django.core.paginator import Paginator
from django.db import transaction
from django.db.models import Q, QuerySet
from django.http import HttpRequest, HttpResponse
from django.template.response import TemplateResponse
from django.urls import URLPattern, path
from django.utils.functional import cached_property

from gateway.exchange import CLIENT_LEFT
from gateway.models import DailyUsage, ExchangeRow, PriceRow
from gateway.usage import reports
from gateway.usage.prices import services as prices
from gateway.usage.prices.errors import BadPrice
from gateway.usage.retention import id_floor

DAYS_OFFERED = 14
STATUSES: dict[str, tuple[str, Q]] = {
    "ok": ("succeeded", Q(status__lt=400)),
    "failed": ("failed", Q(status__gte=400)),
    "429": ("rate limited (429)", Q(status=429)),
    "5xx": ("5xx", Q(status__gte=500)),
    "499": ("client left (499)", Q(status=CLIENT_LEFT)),
    "refused": ("refused by us", Q(status__gte=400, is_refusal=True)),
}


def _today() -> date:
    return datetime.now(UTC).date()


class BoundedPaginator(Paginator):  # type: ignore[type-arg]  # not subscriptable at run time
    """Counts no further than `MOST`: who looks for older rows narrows the list by day."""

    MOST = 10_000

    @cached_property
    def count(self) -> int:
        rows: Any = self.object_list
        return int(rows[: self.MOST].count())


class StatusFilter(admin.SimpleListFilter):
    title = "status"
    parameter_name = "outcome"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, str]]:
        return [(key, title) for key, (title, _) in STATUSES.items()]

    def queryset(self, request: HttpRequest, queryset: QuerySet[Any]) -> QuerySet[Any]:
        chosen = STATUSES.get(self.value() or "")
        return queryset.filter(chosen[1]) if chosen else queryset


class DayFilter(admin.SimpleListFilter):
    """UTC days. Exchanges are ordered by their ids, so a day of them is a range of ids."""

    title = "day (UTC)"
    parameter_name = "on"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, str]]:
        days = [_today() - timedelta(days=back) for back in range(DAYS_OFFERED)]
        return [(day.isoformat(), day.isoformat()) for day in days]

    def queryset(self, request: HttpRequest, queryset: QuerySet[Any]) -> QuerySet[Any]:
        try:
            day = date.fromisoformat(self.value() or "")
        except ValueError:
            return queryset
        if queryset.model is DailyUsage:
            return queryset.filter(day=day)
        start = datetime.combine(day, time(), UTC).timestamp()
        return queryset.filter(pk__gte=id_floor(start), pk__lt=id_floor(start + 86_400))


def _seen(column: str, title: str, field: str) -> type[admin.SimpleListFilter]:
    """A filter on `field` that offers what was lately seen in the daily sums' `column`."""

    class SeenFilter(admin.SimpleListFilter):
        parameter_name = field

        def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, str]]:
            values = reports.values_seen(column, _today())
            labels = reports.token_labels(values) if column == "token_id" else {}
            return [(value, labels.get(value, value)) for value in values]

        def has_output(self) -> bool:
            return True

        def queryset(self, request: HttpRequest, queryset: QuerySet[Any]) -> QuerySet[Any]:
            return queryset.filter(**{field: self.value()}) if self.value() else queryset

    SeenFilter.title = title
    return SeenFilter


def _seconds(seconds: float) -> str:
    return f"{seconds:.3f}\N{NO-BREAK SPACE}s"


class LookOnly(admin.ModelAdmin):  # type: ignore[type-arg]  # not subscriptable at run time
    """Nothing here is changed by hand."""

    paginator = BoundedPaginator
    show_full_result_count = False
    show_facets = admin.ShowFacets.NEVER  # a count per choice
    list_per_page = 50
    list_max_show_all = 0
    sortable_by = ()

    @admin.display(description="cost")
    def price(self, row: ExchangeRow | DailyUsage) -> str:
        return "" if row.cost is None else f"{reports.money(row.cost)} {row.currency}"

    def has_add_permission(self, request: HttpRequest) -> bool:
        return False

    def has_change_permission(self, request: HttpRequest, obj: object = None) -> bool:
        return False

    def has_delete_permission(self, request: HttpRequest, obj: object = None) -> bool:
        return False


@admin.register(ExchangeRow)
class ExchangeAdmin(LookOnly):
    list_display = (
        "started",
        "status",
        "surface",
        "token",
        "account",
        "served",
        "tokens_in",
        "output_tokens",
        "first_byte",
        "total",
        "price",
        "failure_kind",
    )
    list_filter = (
        StatusFilter,
        DayFilter,
        _seen("token_id", "token", "token_id"),
        _seen("account", "account", "account"),
        _seen("model", "model served", "model_served"),
    )
    ordering = ("-id",)
    search_fields = ("id",)
    search_help_text = "A request id, or the whole id of a token"

    def get_search_results(
        self, request: HttpRequest, queryset: QuerySet[ExchangeRow], search_term: str
    ) -> tuple[QuerySet[ExchangeRow], bool]:
        """Exact matches only: anything else would read the whole table."""
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

    @admin.display(description="model")
    def served(self, row: ExchangeRow) -> str:
        return row.model_served or row.model_asked

    @admin.display(description="input + cached")
    def tokens_in(self, row: ExchangeRow) -> str:
        cached = row.cache_read_tokens + row.cache_write_5m_tokens + row.cache_write_1h_tokens
        return f"{row.input_tokens} + {cached}{' (estimated)' if row.is_estimated else ''}"

    @admin.display(description="first byte")
    def first_byte(self, row: ExchangeRow) -> str:
        return "" if row.first_byte_seconds is None else _seconds(row.first_byte_seconds)

    @admin.display(description="total")
    def total(self, row: ExchangeRow) -> str:
        return _seconds(row.total_seconds)


class PriceForm(forms.ModelForm):  # type: ignore[type-arg]  # not subscriptable at run time
    """The same checks as everywhere."""

    class Meta:
        model = PriceRow
        fields = ("model", "provider", *prices.FIELDS)

    def clean(self) -> dict[str, Any]:
        cleaned = super().clean() or {}
        for name in prices.FIELDS:
            if name in cleaned:
                try:
                    prices.checked({name: cleaned[name]})
                except BadPrice as problem:
                    self.add_error(name, problem.message.removeprefix(f"{name}: "))
        return cleaned


@admin.register(PriceRow)
class PriceAdmin(admin.ModelAdmin):  # type: ignore[type-arg]  # not subscriptable at run time
    """Services write. Per million tokens."""

    form = PriceForm
    list_display = ("model", "provider", *prices.PRICES, "currency", "max_output", "priced_on")
    search_fields = ("model",)
    list_filter = ("provider", "currency")
    list_per_page = 100

    def save_model(self, request: HttpRequest, obj: PriceRow, form: Any, change: bool) -> None:
        given = {name: form.cleaned_data[name] for name in prices.FIELDS}
        key = form.cleaned_data["model"], form.cleaned_data["provider"]
        with transaction.atomic():
            if change and key != (form.initial["model"], form.initial["provider"]):
                prices.delete_row(obj.pk)
            obj.pk = prices.put(*key, **given).pk

    def delete_model(self, request: HttpRequest, obj: PriceRow) -> None:
        prices.delete_row(obj.pk)

    def delete_queryset(self, request: HttpRequest, queryset: QuerySet[PriceRow]) -> None:
        for row in queryset:
            prices.delete_row(row.pk)


@admin.register(DailyUsage)
class DailyUsageAdmin(LookOnly):
    change_list_template = "admin/gateway/daily_list.html"
    list_display = (
        "day",
        "token_id",
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
        _seen("token_id", "token", "token_id"),
        _seen("account", "account", "account"),
        _seen("model", "model", "model"),
    )
    ordering = ("-day", "-requests", "pk")

    def get_urls(self) -> list[URLPattern]:
        today: Callable[..., HttpResponse] = self.admin_site.admin_view(self.today_view)
        return [path("today/", today, name="gateway_usage_today"), *super().get_urls()]

    def today_view(self, request: HttpRequest) -> HttpResponse:
        """Today's sums by token, account and model."""
        if not self.has_view_permission(request):
            raise PermissionDenied
        day = _today()
        context = {
            **self.admin_site.each_context(request),
            "title": f"Usage on {day.isoformat()} (UTC)",
            "opts": self.opts,
            "groups": reports.of_day(day),
        }
        return TemplateResponse(request, "admin/gateway/today.html", context)
