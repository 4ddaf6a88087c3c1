"""Management of accounts over HTTP. Authentication and the mapping of errors are the gateway's."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from django.conf import settings
from django.http import HttpRequest
from ninja import Body, Router, Status

from accounts import services
from accounts.errors import UnknownAccount
from accounts.models import Account
from accounts.pool.live import pool_to_show
from accounts.pool.overview import account_view
from accounts.probing import probe
from accounts.schemas import (
    AccountList,
    AccountShape,
    ChangeAccount,
    ChangePool,
    NewAccount,
    PoolShape,
    ProbeShape,
    RemovedShape,
)
from gateway.kernel.described import body
from gateway.kernel.principal import of_request

router = Router(tags=["accounts"])
pool_router = Router(tags=["accounts"])
ACTIONS: dict[str, Callable[..., Account]] = {
    "pause": services.pause,
    "resume": services.resume,
    "clear": services.clear,
}


@router.get("", response=AccountList, summary="List accounts in the operator's order")
def listing(request: HttpRequest) -> dict[str, Any]:
    pool = pool_to_show()
    now = pool.now()
    return {"data": [account_view(state, now, include_paths=True) for state in pool.states()]}


@router.post("", response={201: AccountShape}, openapi_extra=body(NewAccount), summary="Add an account")
def add(request: HttpRequest, values: Body[dict[str, Any]]) -> Status[dict[str, Any]]:
    """Add an account; its secret is stored encrypted and never shown."""
    return Status(201, _shown(services.add(values, principal=of_request(request)).name))


@router.get("/{name}", response=AccountShape, summary="Show an account")
def show(request: HttpRequest, name: str) -> dict[str, Any]:
    return _shown(name)


@router.patch(
    "/{name}", response=AccountShape, openapi_extra=body(ChangeAccount), summary="Change an account"
)
def change(request: HttpRequest, name: str, values: Body[dict[str, Any]]) -> dict[str, Any]:
    """Change only what is given. Every running process obeys within a second."""
    services.update(name, values, principal=of_request(request))
    return _shown(name)


@router.delete("/{name}", response=RemovedShape, summary="Remove an account")
def remove(request: HttpRequest, name: str) -> dict[str, str]:
    services.remove(name, principal=of_request(request))
    return {"removed": name}


@router.post("/{name}/test", response=ProbeShape, summary="Ask the upstream whether it takes the credential")
def test(request: HttpRequest, name: str) -> dict[str, Any]:
    result = probe(name, principal=of_request(request))
    return {"ok": result.is_ok, "status": result.status, "message": result.message, "seconds": result.seconds}


@router.post("/{name}/pause", response=AccountShape, summary="Take an account out of choice")
def pause(request: HttpRequest, name: str) -> dict[str, Any]:
    return _act("pause", name, request)


@router.post("/{name}/resume", response=AccountShape, summary="Put a paused account back")
def resume(request: HttpRequest, name: str) -> dict[str, Any]:
    return _act("resume", name, request)


@router.post(
    "/{name}/clear", response=AccountShape, summary="End cooldowns, marks and the provider's breaker"
)
def clear(request: HttpRequest, name: str) -> dict[str, Any]:
    return _act("clear", name, request)


@pool_router.get("", response=PoolShape, summary="Show how the next account is chosen")
def show_pool(request: HttpRequest) -> dict[str, Any]:
    return _pool()


@pool_router.patch(
    "", response=PoolShape, summary="Change how the next account is chosen, while the pool runs"
)
def change_pool(request: HttpRequest, values: ChangePool) -> dict[str, Any]:
    """Change the strategy.

    Every running process obeys within a second. An empty word goes back to the setting.
    """
    services.set_strategy(values.strategy, principal=of_request(request))
    return _pool()


def _pool() -> dict[str, Any]:
    chosen, setting = services.strategy(), settings.GATEWAY.ACCOUNT_ROUTING_STRATEGY
    return {"strategy": chosen or setting, "setting": setting, "is_changed": bool(chosen)}


def _act(action: str, name: str, request: HttpRequest) -> dict[str, Any]:
    ACTIONS[action](name, principal=of_request(request))
    return _shown(name)


def _shown(name: str) -> dict[str, Any]:
    pool = pool_to_show()
    pool.apply_changes()
    for state in pool.states():
        if state.name == name:
            return account_view(state, pool.now(), include_paths=True)
    raise UnknownAccount(name)
