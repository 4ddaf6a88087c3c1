"""Alerts and rehearsals in Django's admin, as rows to look at: services alone write them."""

from __future__ import annotations

from django.contrib import admin
from django.db.models import Q, QuerySet
from django.http import HttpRequest

from gateway.alerts import services
from gateway.alerts.models import AlertChannel, AlertEntry, AlertMessage, AlertRule
from gateway.console.lists import LookOnly
from gateway.rehearsals.models import Rehearsal


class ChannelAdmin(LookOnly):
    """Channels: of an address that is a secret only where it is, and never what posts are signed with."""

    list_display = fields = ("name", "kind", "shown_target")
    ordering = ("name",)

    @admin.display(description="target")
    def shown_target(self, row: AlertChannel) -> str:
        return services.shown_target(row)


class RuleAdmin(LookOnly):
    """Rules, with the channels that they tell."""

    list_display = fields = (
        "id", "event", "threshold", "subject", "told", "enabled", "quiet_from", "quiet_to",
    )  # fmt: skip
    list_filter = ("event", "enabled")
    ordering = ("id",)

    def get_queryset(self, request: HttpRequest) -> QuerySet[AlertRule]:
        rows: QuerySet[AlertRule] = super().get_queryset(request)
        return rows.prefetch_related("channels")

    @admin.display(description="channels")
    def told(self, row: AlertRule) -> str:
        return ", ".join(sorted(channel.name for channel in row.channels.all()))


class EntryAdmin(LookOnly):
    """What rules have raised: outages that are open, and news."""

    list_display = fields = (
        "at", "event", "subject", "threshold", "rule_id", "once", "outage", "valid_until", "ended_at", "details",
    )  # fmt: skip
    list_filter = ("event",)
    ordering = ("-at",)

    @admin.display(description="outage", boolean=True)
    def outage(self, row: AlertEntry) -> bool:
        return row.is_outage


class MessageAdmin(LookOnly):
    """Messages, and how they were delivered."""

    list_display = ("at", "state", "event", "subject", "channel", "tries", "delivered_at", "error")
    fields = (*list_display, "id", "rule_id", "next_at", "claimed_until", "ended_at", "held", "content")
    list_filter = ("state", "event")
    ordering = ("-id",)
    search_fields = ("id",)
    search_help_text = "The id of a message, or a whole subject or channel"

    @admin.display(description="held for quiet hours", boolean=True)
    def held(self, row: AlertMessage) -> bool:
        return row.is_held

    def get_search_results(
        self, request: HttpRequest, queryset: QuerySet[AlertMessage], search_term: str
    ) -> tuple[QuerySet[AlertMessage], bool]:
        """Find exact matches only."""
        term = search_term.strip()
        exact = Q(pk=term) | Q(subject=term) | Q(channel=term)
        return (queryset.filter(exact) if term else queryset), False


class RehearsalAdmin(LookOnly):
    """Rehearsals, those that have ended too."""

    list_display = fields = (
        "id", "fault", "account", "provider", "calls", "left", "started_at", "ends_at", "ended_at",
    )  # fmt: skip
    ordering = ("-started_at",)


PAGES = (
    (AlertChannel, ChannelAdmin),
    (AlertRule, RuleAdmin),
    (AlertEntry, EntryAdmin),
    (AlertMessage, MessageAdmin),
    (Rehearsal, RehearsalAdmin),
)
