"""Pages and filters of the admin's lists of usage, which never count or sort a whole table."""

from __future__ import annotations

import uuid
from datetime import UTC, date, datetime, time, timedelta
from typing import Any

from django.contrib import admin
from django.contrib.admin.views.main import ChangeList
from django.core.paginator import Paginator
from django.db.models import Q, QuerySet
from django.http import HttpRequest
from django.utils.functional import cached_property

from gateway.exchange.exchange import CLIENT_LEFT
from gateway.kernel.moments import id_floor
from gateway.models import DailyUsage, ExchangeRow
from gateway.usage import reports

DAYS_OFFERED = 14
STATUSES: dict[str, tuple[str, Q]] = {
    "ok": ("succeeded", Q(status__lt=400)),
    "failed": ("failed", Q(status__gte=400)),
    "429": ("rate limited (429)", Q(status=429)),
    "5xx": ("5xx", Q(status__gte=500)),
    "499": ("client left (499)", Q(status=CLIENT_LEFT)),
    "refused": ("refused by us", Q(status__gte=400, is_refusal=True)),
}


def today() -> date:
    return datetime.now(UTC).date()


class BoundedPaginator(Paginator):  # type: ignore[type-arg]  # not subscriptable at run time
    """Counts no further than `MOST`; older rows are reached by narrowing the list to a day."""

    MOST = 10_000

    @cached_property
    def count(self) -> int:
        rows: Any = self.object_list
        return int(rows[: self.MOST].count())


class StatusFilter(admin.SimpleListFilter):
    """Filters exchanges by their outcome."""

    title = "status"
    parameter_name = "outcome"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, str]]:
        return [(key, title) for key, (title, _) in STATUSES.items()]

    def queryset(self, request: HttpRequest, queryset: QuerySet[Any]) -> QuerySet[Any]:
        chosen = STATUSES.get(self.value() or "")
        return queryset.filter(chosen[1]) if chosen else queryset


class WithinFilter(admin.SimpleListFilter):
    """The last hour, as the first page counts it."""

    title = "time"
    parameter_name = "within"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, str]]:
        return [("hour", "last hour")]

    def queryset(self, request: HttpRequest, queryset: QuerySet[Any]) -> QuerySet[Any]:
        return queryset.filter(pk__gte=hour_floor()) if self.value() == "hour" else queryset


def hour_floor(now: datetime | None = None) -> uuid.UUID:
    """Return the smallest id of an exchange of the last hour."""
    return id_floor((now or datetime.now(UTC)).timestamp() - 3600)


class DayFilter(admin.SimpleListFilter):
    """Filters by UTC day. Exchanges are ordered by their ids, so a day of them is a range of ids."""

    title = "day (UTC)"
    parameter_name = "on"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, str]]:
        days = [today() - timedelta(days=back) for back in range(DAYS_OFFERED)]
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


def seen(column: str, title: str, field: str) -> type[admin.SimpleListFilter]:
    """Make a filter on `field` that offers what was lately seen in the daily sums' `column`."""

    class SeenFilter(admin.SimpleListFilter):
        parameter_name = field

        def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, str]]:
            values = _seen(request)[column]
            labels = reports.token_labels(values) if column == "token_id" else {}
            return [(value, labels.get(value, value)) for value in values]

        def has_output(self) -> bool:
            return True

        def queryset(self, request: HttpRequest, queryset: QuerySet[Any]) -> QuerySet[Any]:
            return queryset.filter(**{field: self.value()}) if self.value() else queryset

    SeenFilter.title = title
    return SeenFilter


def _seen(request: Any) -> dict[str, list[str]]:
    """Return what was seen, asked for once for all filters of a page."""
    if not hasattr(request, "values_seen"):
        request.values_seen = reports.values_seen(today())
    found: dict[str, list[str]] = request.values_seen
    return found


class LookOnly(admin.ModelAdmin):  # type: ignore[type-arg]  # not subscriptable at run time
    """A list in which nothing is changed by hand."""

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


class LabelledList(ChangeList):
    """Looks up the labels of the tokens of one page: beside each of a day's sums they would be asked for to sort it."""

    def get_results(self, request: HttpRequest) -> None:
        super().get_results(request)
        labels = reports.token_labels([row.token_id for row in self.result_list])
        for row in self.result_list:
            row.label = labels.get(row.token_id, "")
