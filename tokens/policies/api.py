"""Management of policies over HTTP. Authentication and the mapping of errors are the gateway's."""

from __future__ import annotations

from typing import Any

from django.http import HttpRequest
from ninja import Field, Router, Schema

from gateway.kernel.described import body
from gateway.kernel.principal import of_request
from tokens import bodies
from tokens.errors import BadTokenField
from tokens.policies import services
from tokens.schemas import DeletedOut

router = Router(tags=["policies"])


class PolicyIn(Schema):
    settings: dict[str, Any] = Field(description="Claude Code's managed-settings.json for the group's people")


class PolicyOut(Schema):
    group: str = Field(description="A group's name; * is everybody whom no policy of her own groups reaches")
    settings: dict[str, Any]
    checksum: str = Field(description="What a client that has these settings says")
    warnings: list[str] = Field(description="What may be a mistake")


class PolicyListOut(Schema):
    data: list[PolicyOut]


@router.get("", response=PolicyListOut, summary="List policies, by group")
def listing(request: HttpRequest) -> dict[str, object]:
    return {"data": [services.shown(policy) for policy in services.find_all()]}


@router.get("/{path:group}", response=PolicyOut, summary="Show a group's policy")
def show(request: HttpRequest, group: str) -> dict[str, object]:
    return services.shown(services.get(group))


@router.put("/{path:group}", response=PolicyOut, openapi_extra=body(PolicyIn), summary="Set a group's policy")
def put(request: HttpRequest, group: str) -> dict[str, object]:
    """Replace the settings that the group's people get. `*` is everybody whom no policy of her own groups reaches.

    They are served whole and unmerged; clients ask hourly.
    """
    given = bodies.only(bodies.read_object(request), ("settings",))
    if "settings" not in given:
        raise BadTokenField("settings", "must be given")
    return services.shown(services.put(group, given["settings"], principal=of_request(request)))


@router.delete("/{path:group}", response=DeletedOut, summary="Remove a group's policy")
def delete(request: HttpRequest, group: str) -> dict[str, object]:
    services.remove(group, principal=of_request(request))
    return {"deleted": group}
