"""Management of providers and routes over HTTP.

Authentication and the mapping of errors are the gateway's.
"""

from __future__ import annotations

from typing import Any

from django.http import HttpRequest, JsonResponse
from ninja import Body, Query, Router, Schema

from gateway.kernel.described import answer, body
from gateway.kernel.principal import of_request
from providers import presenting, probing, route_services, services
from providers.catalog import chains
from providers.errors import BadProvider
from providers.models import Provider
from providers.schemas import (
    ChainIn,
    ChainOut,
    ClearedOut,
    DeletedOut,
    ProbeOut,
    ProviderChange,
    ProviderIn,
    ProviderListOut,
    ProviderOut,
    RouteChange,
    RouteIn,
    RouteListOut,
    RouteOut,
)

router = Router(tags=["providers"])
routes = Router(tags=["routes"])


def _shown(row: Provider) -> JsonResponse:
    """Return a provider's record, with unset fields left out.

    So it is in the reference; a schema would make them null.
    """
    return JsonResponse(presenting.record(row))


@router.get("", openapi_extra=answer(ProviderListOut, "By name"), summary="List providers")
def listing(request: HttpRequest) -> JsonResponse:
    return JsonResponse({"data": [presenting.record(row) for row in services.listed()]})


@router.post(
    "",
    openapi_extra={**body(ProviderIn), **answer(ProviderOut, "The record, redacted")},
    summary="Add or replace a provider",
)
def upsert(request: HttpRequest, values: Body[dict[str, Any]]) -> JsonResponse:
    """Add a provider or replace one.

    The stored key stays when none is given. Takes effect at the next call.
    """
    return _shown(services.upsert(_only(values, ProviderIn), principal=of_request(request)))


@router.get("/{name}", openapi_extra=answer(ProviderOut, "The record"), summary="Show a provider")
def show(request: HttpRequest, name: str) -> JsonResponse:
    return _shown(services.get(name))


@router.patch(
    "/{name}",
    openapi_extra={**body(ProviderChange), **answer(ProviderOut, "The record")},
    summary="Change a provider",
)
def change(request: HttpRequest, name: str, values: Body[dict[str, Any]]) -> JsonResponse:
    """Change only what is given; null empties a field: `"api_key": null` forgets the stored key."""
    known = _only(values, ProviderChange, "name")
    return _shown(services.change(name, known, principal=of_request(request)))


@router.delete("/{name}", response=DeletedOut, summary="Remove a provider")
def remove(request: HttpRequest, name: str) -> dict[str, str]:
    services.remove(name, principal=of_request(request))
    return {"deleted": name}


@router.post(
    "/{name}/clear",
    response=ClearedOut,
    summary="End the cooldown of a provider's own key, close its circuit breaker",
)
def clear(request: HttpRequest, name: str) -> dict[str, str]:
    """Clear a provider in every running process, within a second.

    Cooldowns of accounts are cleared with the accounts.
    """
    services.clear(name, principal=of_request(request))
    return {"cleared": name}


@router.post("/{name}/test", response=ProbeOut, summary="Ask a provider which models it has")
def test(request: HttpRequest, name: str) -> dict[str, Any]:
    result = probing.probe(name, principal=of_request(request))
    return {
        "ok": result.is_ok,
        "status": result.status,
        "message": result.message,
        "models": list(result.models),
        "seconds": result.seconds,
    }


@routes.get("", response=RouteListOut, summary="List routes in the order in which they are tried")
def list_routes(request: HttpRequest) -> dict[str, Any]:
    return {"data": [presenting.route(row) for row in route_services.listed()]}


@routes.post("", response=RouteOut, openapi_extra=body(RouteIn), summary="Add or replace a route")
def upsert_route(request: HttpRequest, values: Body[dict[str, Any]]) -> dict[str, Any]:
    return presenting.route(route_services.upsert(values, principal=of_request(request)))


@routes.get("/test", response=ChainOut, summary="The chain that a call would take")
def test_route(request: HttpRequest, asked: Query[ChainIn]) -> dict[str, Any]:
    return chains.chain(asked.model, asked.surface)


@routes.get("/{path:model}", response=RouteOut, summary="Show a route")
def show_route(request: HttpRequest, model: str) -> dict[str, Any]:
    return presenting.route(route_services.get(model))


@routes.patch("/{path:model}", response=RouteOut, openapi_extra=body(RouteChange), summary="Change a route")
def change_route(request: HttpRequest, model: str, values: Body[dict[str, Any]]) -> dict[str, Any]:
    return presenting.route(route_services.change(model, values, principal=of_request(request)))


@routes.delete("/{path:model}", response=DeletedOut, summary="Remove a route")
def remove_route(request: HttpRequest, model: str) -> dict[str, str]:
    route_services.remove(model, principal=of_request(request))
    return {"deleted": model}


def _only(values: dict[str, Any], shape: type[Schema], *more: str) -> dict[str, Any]:
    """Return what was given when every name is known: one that is not was meant for something. Raises `BadProvider`."""
    for name in values:
        if name not in shape.model_fields and name not in more:
            raise BadProvider(name[:64], f"{name[:64]}: unknown field")
    return values
