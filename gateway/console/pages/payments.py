"""`/console/payments/`: what callers paid; an admin asks the provider about those whose outcome is open."""

from __future__ import annotations

import asyncio
import uuid
from collections.abc import Mapping

from django.contrib import messages
from django.db.models import Q
from django.http import Http404, HttpRequest, HttpResponseBase
from django.shortcuts import redirect
from django.views.decorators.http import require_POST, require_safe

from gateway.config.options import ConfigurationError
from gateway.console.pages.base import address, given, only, page, principal_of
from gateway.console.pages.inputs import read
from gateway.console.pages.records import ROWS, Action, Cell, Filter, Listing, Row, moment, page_of, portion
from gateway.kernel.asking import BadParameter, text
from gateway.kernel.principal import Principal
from gateway.models import Payment, PaymentStatus
from gateway.payments import options, presenting, refunds
from gateway.payments.methods.base import Method
from gateway.payments.methods.table import build

PATH = "/console/payments/"
VIEW, CHANGE = "gateway.view_payment", "gateway.change_payment"
OPEN = (PaymentStatus.UNKNOWN, PaymentStatus.CLAIMED, PaymentStatus.REFUND_DUE)


@require_safe
@page("records", VIEW)
def listing(request: HttpRequest) -> HttpResponseBase:
    asked = given(request)
    only(asked, ("q", "status", "token", "after"))
    if asked.get("status", PaymentStatus.CLAIMED) not in PaymentStatus.values:
        raise BadParameter("status", f"must be one of {', '.join(PaymentStatus.values)}")
    found = presenting.find(asked.get("status"), asked.get("token"), asked.get("after"))
    if "q" in asked:
        found = found.filter(_named(text("q", asked["q"])))
    rows, has_more = portion(found[: ROWS + 1])
    may_ask = request.user.has_perm(CHANGE)
    shown = Listing(
        "payments",
        "Payments",
        PATH,
        (
            Filter("q", "Id, challenge, request or reference"),
            Filter("status", "Status", PaymentStatus.values),
            Filter("token", "Token"),
        ),
        ("When", "Status", "Method", "Amount", "Token", "Call", "Reference", "Why"),
        [_row(row, may_ask) for row in rows],
        str(rows[-1].pk) if has_more else "",
    )
    return page_of(request, asked, shown)


def _named(word: str) -> Q:
    found = Q(challenge_id=word) | Q(reference=word) | Q(exchange_id=word)
    try:
        return found | Q(pk=uuid.UUID(word))
    except ValueError:
        return found


def _row(row: Payment, may_ask: bool) -> Row:
    is_open = row.status in OPEN
    cells = (
        moment(row.created_at),
        Cell(str(row.status), is_bad=is_open or row.status == PaymentStatus.FAILED),
        Cell(row.method),
        Cell(f"{row.amount} {row.currency}", title="In base units"),
        Cell(
            row.token_id or "none",
            address("/console/requests/", {"token": row.token_id}) if row.token_id else "",
        ),
        Cell("the call", f"/console/requests/{row.exchange_id}/") if row.exchange_id else Cell(""),
        Cell(row.reference, title=row.reference),
        Cell(row.detail, title=row.detail),
    )
    actions = (Action("Ask again", f"{PATH}{row.pk}/reconcile/", "reconcile"),) if is_open and may_ask else ()
    return Row(str(row.pk), cells, actions)


@require_POST
@page("records", VIEW, CHANGE)
def reconcile(request: HttpRequest, payment: uuid.UUID) -> HttpResponseBase:
    """Ask the provider how a payment ended, and give back what is owed."""
    read((), request.POST)
    row = Payment.objects.filter(pk=payment).first()
    if row is None:
        raise Http404
    try:
        paying = options.from_settings()
    except ConfigurationError as exc:
        messages.error(request, str(exc))
        return redirect(PATH)
    methods = {} if paying is None else build(paying)
    found = asyncio.run(_asked(row, methods, principal_of(request)))
    words = (
        f"{found.before} → {found.payment.status}" if found.has_changed else f"still {found.payment.status}"
    )
    messages.add_message(request, messages.SUCCESS if found.has_changed else messages.WARNING, words)
    return redirect(address(PATH, {"q": str(row.pk)}))


async def _asked(row: Payment, methods: Mapping[str, Method], principal: Principal) -> refunds.Reconciled:
    try:
        return await refunds.reconcile(row, methods, principal)
    finally:
        for method in methods.values():
            await method.aclose()
