"""`/console/prices/`: what models cost, and those of which nobody knows it, with how many calls that refused."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

from django.contrib import messages
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseBase
from django.shortcuts import redirect
from django.views.decorators.http import require_POST, require_safe

from gateway.console.pages.base import address, given, only, page, principal_of, shown
from gateway.console.pages.inputs import Input, drawn, filled, read
from gateway.kernel.asking import BadParameter
from gateway.models import PriceRow
from gateway.usage.prices import presenting, services
from gateway.usage.prices.errors import BadPrice, PriceNotFound
from gateway.usage.prices.missing import DAYS, missing

ADD, CHANGE, DELETE = (f"gateway.{word}_pricerow" for word in ("add", "change", "delete"))
PATH = "/console/prices/"
MOST = 200
KEY = (
    Input("model", "Model", help="A name, or a pattern such as claude-opus-*", is_required=True),
    Input("provider", "Provider", help="Empty: everywhere"),
)
INPUTS = (
    *KEY,
    Input("input", "Input", help="Per million tokens", is_required=True),
    Input("output", "Output", help="Per million tokens", is_required=True),
    Input("cache_read", "Cache read", help="Empty: as input"),
    Input("cache_write_5m", "Cache write, 5 minutes", help="Empty: as input"),
    Input("cache_write_1h", "Cache write, 1 hour", help="Empty: as 5 minutes"),
    Input("currency", "Currency", help="USD when empty"),
    Input("web_search", "Thousand web searches", help="Usually 10", is_rare=True),
    Input("batch_multiple", "Calls that may wait", help="Multiple; usually 0.5", is_rare=True),
    Input("fast_multiple", "Calls that go first", help="Multiple; usually 1", is_rare=True),
    Input("region_multiple", "Calls that stay in the US", help="Multiple; usually 1.1", is_rare=True),
    Input("max_output", "Longest output", "whole", "Held for calls without max_tokens", is_rare=True),
    Input("priced_on", "As of", help="A day such as 2026-11-29", is_rare=True),
    Input("source", "Source", help="Where it stands", is_rare=True),
)


@require_safe
@page("providers", "gateway.view_pricerow")
def listing(request: HttpRequest) -> HttpResponseBase:
    asked = given(request)
    only(asked, ("q", "model", "provider"))
    return _page(request, asked)


def _page(request: HttpRequest, asked: dict[str, str], status: int = 200, **forms: Any) -> HttpResponse:
    found = services.find(asked.get("q", ""))
    key = asked.get("model", ""), asked.get("provider", "")
    edited = next((row for row in found if (row.model, row.provider) == key), None)
    standing = {"model": key[0], "provider": key[1]} if edited is None else presenting.price(edited)
    context = {
        "asked": asked,
        "rows": [_row(row, asked) for row in found[:MOST]],
        "has_more": len(found) > MOST,
        "missing": missing(datetime.now(UTC).date()),
        "days": DAYS,
        "edited": edited,
        "is_open": "model" in asked,
        "form": drawn(INPUTS, standing),
        "may_operate": request.user.has_perms((ADD, CHANGE)),
        "may_remove": request.user.has_perm(DELETE),
        **forms,
    }
    return shown(request, "providers/prices", context, status)


def _row(row: PriceRow, asked: dict[str, str]) -> dict[str, Any]:
    edit = f"{address(PATH, asked, model=row.model, provider=row.provider)}#price"
    return {**presenting.price(row), "edit": edit}


@require_POST
@page("providers", ADD, CHANGE)
def save(request: HttpRequest) -> HttpResponseBase:
    """Set the price of a model: what is left empty stays, or is as usual."""
    asked = given(request)
    only(asked, ("q",))
    try:
        values = filled(read(INPUTS, request.POST))
        row = services.put(
            values.pop("model", None), values.pop("provider", ""), principal=principal_of(request), **values
        )
    except (BadPrice, BadParameter) as exc:
        key = {name: request.POST.get(name, "") for name in ("model", "provider")}
        form = drawn(INPUTS, request.POST.dict(), _wrong(exc))
        return _page(request, {**asked, **key}, 400, form=form, is_open=True)
    messages.success(request, f"The price of {row.model} was saved.")
    return redirect(address(PATH, asked))


@require_POST
@page("providers", DELETE)
def remove(request: HttpRequest) -> HttpResponseBase:
    asked = given(request)
    only(asked, ("q",))
    sent = read((*KEY, Input("sure", "Yes", "flag")), request.POST)
    if not sent["sure"]:
        raise BadParameter("sure", "tick the box to remove the price")
    try:
        services.delete(sent["model"], sent["provider"], principal=principal_of(request))
    except PriceNotFound as exc:
        raise Http404 from exc
    messages.success(request, f"The price of {sent['model']} was removed.")
    return redirect(address(PATH, asked))


def _wrong(exc: BadPrice | BadParameter) -> tuple[str, str]:
    return exc.param, str(exc).removeprefix(f"{exc.param}: ")
