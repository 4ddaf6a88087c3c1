"""`/console/objects/`: what upstreams keep at our accounts, and whose it is."""

from __future__ import annotations

from datetime import datetime

from django.db.models import Q
from django.http import HttpRequest, HttpResponseBase
from django.views.decorators.http import require_safe

from gateway.console.pages.base import address, given, only, page
from gateway.console.pages.cards import path
from gateway.console.pages.records import ROWS, Cell, Filter, Listing, Row, moment, page_of, portion
from gateway.kernel.asking import BadParameter, text
from gateway.models import StoredObjectRow

PATH = "/console/objects/"
VIEW = "gateway.view_storedobjectrow"
COLUMNS = {"kind": "kind", "provider": "provider", "account": "account", "token": "token_id"}
"""Filters, by the column that each is about."""


@require_safe
@page("records", VIEW)
def listing(request: HttpRequest) -> HttpResponseBase:
    asked = given(request)
    only(asked, ("q", *COLUMNS, "after"))
    wanted = {column: text(name, asked[name]) for name, column in COLUMNS.items() if name in asked}
    found = StoredObjectRow.objects.filter(_behind(asked.get("after", "")), **wanted).defer("document")
    if "q" in asked:
        found = found.filter(pk=text("q", asked["q"]))
    rows, has_more = portion(found.order_by("-made_at", "-id")[: ROWS + 1])
    shown = Listing(
        "objects",
        "Stored objects",
        PATH,
        (Filter("q", "Id"), *(Filter(name, name.capitalize()) for name in COLUMNS)),
        ("Id", "Kind", "Provider", "Account", "Token", "Made", "Until"),
        [_row(row) for row in rows],
        f"{rows[-1].made_at.isoformat()} {rows[-1].pk}" if has_more else "",
    )
    return page_of(request, asked, shown)


def _behind(after: str) -> Q:
    if not after:
        return Q()
    at, _, pk = after.partition(" ")
    try:
        made_at = datetime.fromisoformat(at)
    except ValueError:
        raise BadParameter("after", "must be of the page before") from None
    return Q(made_at__lt=made_at) | Q(made_at=made_at, pk__lt=pk)


def _row(row: StoredObjectRow) -> Row:
    cells = (
        Cell(row.pk, title=row.pk),
        Cell(row.kind, address(PATH, {"kind": row.kind})),
        Cell(row.provider, f"/console/providers/{row.provider}/" if row.provider else ""),
        Cell(row.account or "its own key", path(row.account) if row.account else ""),
        Cell(row.token_id, address("/console/requests/", {"token": row.token_id}) if row.token_id else ""),
        moment(row.made_at),
        moment(row.expires_at),
    )
    return Row(row.pk, cells)
