"""`/console/routes/`: the chain of places of each model, to reorder, and where a call would go beside it."""

from __future__ import annotations

from typing import Any

from django.contrib import messages
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseBase
from django.shortcuts import redirect
from django.views.decorators.http import require_POST, require_safe

from gateway.console.pages.base import address, given, only, page, principal_of, shown
from gateway.console.pages.inputs import Input, drawn, filled, read
from gateway.console.pages.providers import wrong
from gateway.kernel.asking import BadParameter
from providers import route_services as services
from providers.catalog import chains, live
from providers.errors import ProviderError, UnknownRoute
from providers.models import Route

ADD, CHANGE, DELETE = (f"providers.{word}_route" for word in ("add", "change", "delete"))
PATH = "/console/routes/"
ASKED = ("ask", "surface")
"""What is asked about a call; it stays through every change, so that one sees what the change does."""
UP, DOWN, DROP = "up", "down", "drop"
Place = tuple[str, str]


def inputs() -> tuple[Input, ...]:
    """Return the fields of a route."""
    names = [(name, "") for name in sorted(live.catalog_to_show().view.providers)]
    return (
        Input("model", "Model", help="A name, or a pattern with *", is_required=True),
        Input("provider", "Provider", choices=names, is_required=True),
        Input("upstream_model", "Its name there", help="Empty: as asked"),
        Input("priority", "Priority", "whole", "Lower goes first; usually 100", is_rare=True),
        Input("display_name", "Name in lists", is_rare=True),
        Input("listed", "Show the name in /v1/models", "flag", is_rare=True),
    )


@require_safe
@page("providers")
def listing(request: HttpRequest) -> HttpResponseBase:
    asked = given(request)
    only(asked, (*ASKED, "route"))
    return _page(request, asked)


def _page(request: HttpRequest, asked: dict[str, str], status: int = 200, **forms: Any) -> HttpResponse:
    rows = services.listed()
    edited = next((row for row in rows if row.model == asked.get("route")), None)
    if "route" in asked and edited is None:
        raise Http404
    standing = {"listed": True, "priority": 100} if edited is None else _standing(edited)
    context = {
        "asked": asked,
        "routes": [
            {"row": row, "places": places_of(row), "edit": address(PATH, asked, route=row.model)}
            for row in rows
        ],
        "edited": edited,
        "form": drawn(inputs(), standing),
        "place": drawn(inputs()[1:3], {}),
        "surfaces": tuple(chains.DIALECTS),
        "may_operate": request.user.has_perm(CHANGE),
        "may_add": request.user.has_perms((ADD, CHANGE)),
        "may_remove": request.user.has_perm(DELETE),
        **_where(asked),
        **forms,
    }
    return shown(request, "providers/routes", context, status)


def _standing(row: Route) -> dict[str, Any]:
    names = ("model", "provider", "upstream_model", "priority", "display_name")
    return {**{name: getattr(row, name) for name in names}, "listed": row.is_listed}


def _where(asked: dict[str, str]) -> dict[str, Any]:
    """Return the chain that a call would take, or why there is none."""
    if "ask" not in asked:
        return {}
    try:
        return {"chain": chains.chain(asked["ask"], asked.get("surface", "messages"))["chain"]}
    except ProviderError as exc:
        return {"nowhere": str(exc)}


def places_of(row: Route) -> list[Place]:
    """Return the places of a route, the first first: (provider, the model's name there or "")."""
    return [
        (row.provider, row.upstream_model),
        *((each["provider"], each.get("model", "")) for each in row.fallbacks),
    ]


@require_POST
@page("providers", ADD, CHANGE)
def save(request: HttpRequest) -> HttpResponseBase:
    """Add a route, or change the one that is named `was`; its other places stay."""
    asked, fields = given(request), (*inputs(), Input("was", "Was"))
    only(asked, ASKED)
    was = request.POST.get("was", "")
    try:
        values = read(fields, request.POST)
        values.pop("was")
        if was:
            if values["priority"] is None:
                values.pop("priority")
            services.change(was, values, principal=principal_of(request))
        else:
            if Route.objects.filter(model=values["model"]).exists():
                raise BadParameter("model", "there is a route for this name already")
            services.upsert(filled(values), principal=principal_of(request))
    except UnknownRoute as exc:
        raise Http404 from exc
    except (ProviderError, BadParameter) as exc:
        form = drawn(inputs(), {**request.POST.dict(), "listed": "listed" in request.POST}, wrong(exc))
        return _page(request, {**asked, **({"route": was} if was else {})}, 400, form=form)
    messages.success(request, f"The route of {values['model']} was saved.")
    return redirect(address(PATH, asked))


@require_POST
@page("providers", CHANGE)
def reorder(request: HttpRequest) -> HttpResponseBase:
    """Move a place of a chain up or down, or take it out."""
    asked = given(request)
    only(asked, ASKED)
    fields = (Input("model", "Model"), Input("place", "Place", "whole"), Input("do", "Do"))
    sent = read(fields, request.POST)
    row = _found(sent["model"])
    places = moved(places_of(row), sent["place"], sent["do"])
    _write(request, row, places)
    return redirect(f"{address(PATH, asked)}#{row.pk}")


def moved(places: list[Place], place: int | None, how: str) -> list[Place]:
    """Return the chain with one place moved or taken out. Raises `BadParameter`."""
    if place is None or not 0 <= place < len(places):
        raise BadParameter("place", "there is no such place in the chain")
    rest = [each for number, each in enumerate(places) if number != place]
    if how == DROP:
        if not rest:
            raise BadParameter("place", "it is the only one: remove the route instead")
        return rest
    if how not in (UP, DOWN):
        raise BadParameter("do", f"must be one of {UP}, {DOWN}, {DROP}")
    to = max(0, min(len(rest), place + (1 if how == DOWN else -1)))
    return [*rest[:to], places[place], *rest[to:]]


@require_POST
@page("providers", CHANGE)
def lengthen(request: HttpRequest) -> HttpResponseBase:
    """Add a place at the end of a chain."""
    asked = given(request)
    only(asked, ASKED)
    sent = read((Input("model", "Model"), *inputs()[1:3]), request.POST)
    row = _found(sent["model"])
    _write(request, row, [*places_of(row), (sent["provider"], sent["upstream_model"])])
    return redirect(f"{address(PATH, asked)}#{row.pk}")


def _write(request: HttpRequest, row: Route, places: list[Place]) -> None:
    (provider, model), *rest = places
    values = {
        "provider": provider,
        "upstream_model": model,
        "fallbacks": [{"provider": name, "model": there} for name, there in rest],
    }
    try:
        services.change(row.model, values, principal=principal_of(request))
    except ProviderError as exc:
        raise BadParameter(*wrong(exc)) from exc
    messages.success(request, f"The chain of {row.model} was changed.")


@require_POST
@page("providers", DELETE)
def remove(request: HttpRequest) -> HttpResponseBase:
    asked = given(request)
    only(asked, ASKED)
    sent = read((Input("model", "Model"), Input("sure", "Yes", "flag")), request.POST)
    row = _found(sent["model"])
    if not sent["sure"]:
        raise BadParameter("sure", "tick the box to remove the route")
    services.remove(row.model, principal=principal_of(request))
    messages.success(request, f"The route of {row.model} was removed.")
    return redirect(address(PATH, asked))


def _found(model: str) -> Route:
    try:
        return services.get(model)
    except UnknownRoute as exc:
        raise Http404 from exc
