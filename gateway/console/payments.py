"""Payments in Django's admin."""

from __future__ import annotations

import contextlib
import uuid

from django.contrib import admin
from django.db.models import Q, QuerySet
from django.http import HttpRequest

from gateway.console.lists import LookOnly
from gateway.models import Payment


class PaymentAdmin(LookOnly):
    """Payments, to look at. What is owed is given back by `manage.py payments reconcile`."""

    list_display = ("created", "status", "method", "asked", "token", "surface", "reference", "detail")
    list_filter = ("status", "method")
    ordering = ("-id",)
    search_fields = ("id",)
    search_help_text = "The id of a payment, a challenge, a call or a token, or the method's reference"
    exclude = ("fingerprint", "idempotency", "notes", "extras", "intent")

    def get_search_results(
        self, request: HttpRequest, queryset: QuerySet[Payment], search_term: str
    ) -> tuple[QuerySet[Payment], bool]:
        """Find exact matches only: anything else would read the whole table."""
        term = search_term.strip()
        if not term:
            return queryset, False
        found = Q(challenge_id=term) | Q(reference=term) | Q(token_id=term) | Q(exchange_id=term)
        with contextlib.suppress(ValueError):
            found |= Q(pk=uuid.UUID(term))
        return queryset.filter(found), False

    @admin.display(description="created (UTC)")
    def created(self, row: Payment) -> str:
        return row.created_at.strftime("%Y-%m-%d %H:%M:%S")

    @admin.display(description="amount (base units)")
    def asked(self, row: Payment) -> str:
        return f"{row.amount} {row.currency}"

    @admin.display(description="token")
    def token(self, row: Payment) -> str:
        return row.token_id or "none"
