"""Management of groups over HTTP. Authentication and the mapping of errors are the gateway's."""

from __future__ import annotations

from django.http import HttpRequest
from ninja import Router

from gateway.kernel.described import body
from gateway.kernel.principal import of_request
from tokens import bodies, presenting
from tokens.errors import BadTokenField
from tokens.groups import services
from tokens.limits import usage
from tokens.people import roles
from tokens.schemas import DeletedOut, GroupChangeIn, GroupIn, GroupListOut, GroupOut, ShownGroupOut

router = Router(tags=["groups"])


@router.get("", response=GroupListOut, summary="List groups, by name")
def listing(request: HttpRequest) -> dict[str, object]:
    return {"data": [presenting.group(group) for group in services.find_all()]}


@router.post("", response=GroupOut, openapi_extra=body(GroupIn), summary="Make a group")
def create(request: HttpRequest) -> dict[str, object]:
    """Make a group; `parent` names one that has no parent itself: groups nest one level."""
    given = bodies.read_fields(request)
    if "name" not in given:
        raise BadTokenField("name", "must be given")
    known = {name: value for name, value in given.items() if value is not None or name == "name"}
    return presenting.group(services.create(principal=of_request(request), **known))


@router.get("/{path:name}", response=ShownGroupOut, summary="Show a group and what it has used")
def show(request: HttpRequest, name: str) -> dict[str, object]:
    group = services.get(_named(name))
    return {**presenting.group(group), "usage": usage.of_group(group)}


@router.patch("/{path:name}", response=GroupOut, openapi_extra=body(GroupChangeIn), summary="Change a group")
def change(request: HttpRequest, name: str) -> dict[str, object]:
    """Change only what is given; null clears. Every running process obeys within a second."""
    given = bodies.read_fields(request)
    return presenting.group(services.change(_named(name), principal=of_request(request), **given))


@router.delete("/{path:name}", response=DeletedOut, summary="Remove a group that nothing belongs to")
def delete(request: HttpRequest, name: str) -> dict[str, object]:
    services.delete(_named(name), principal=of_request(request))
    return {"deleted": name}


def _named(name: str) -> str:
    """Return the name of a group; roles are none. Raises BadTokenField."""
    if name.startswith(roles.PREFIX):
        raise BadTokenField("name", f"{roles.PREFIX}… are roles of people, no groups")
    return name
