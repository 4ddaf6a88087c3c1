"""Management of groups over HTTP. Authentication and the mapping of errors are the gateway's."""

from __future__ import annotations

from django.http import HttpRequest
from ninja import Router

from . import bodies, group_services, presenting
from .errors import BadTokenField
from .limits import usage
from .models import Group
from .schemas import DeletedOut, GroupChangeIn, GroupIn, GroupListOut, GroupOut, ShownGroupOut, body

router = Router(tags=["groups"])


@router.get("", response=GroupListOut, summary="List groups, by name")
def listing(request: HttpRequest) -> dict[str, object]:
    return {"data": [presenting.group(group) for group in group_services.find_all()]}


@router.post("", response=GroupOut, openapi_extra=body(GroupIn), summary="Make a group")
def create(request: HttpRequest) -> dict[str, object]:
    """`parent` names a group that has no parent itself: groups nest one level."""
    given = bodies.read_object(request)
    if "name" not in given:
        raise BadTokenField("name", "must be given")
    known = {name: value for name, value in given.items() if value is not None or name == "name"}
    return presenting.group(group_services.create(**known))


@router.get("/{name}", response=ShownGroupOut, summary="Show a group and what it has used")
def show(request: HttpRequest, name: str) -> dict[str, object]:
    group = group_services.get(name)
    return {**presenting.group(group), "usage": usage.of_group(group)}


@router.patch("/{name}", response=GroupOut, openapi_extra=body(GroupChangeIn), summary="Change a group")
def change(request: HttpRequest, name: str) -> dict[str, object]:
    """Only what is given changes; null clears. Obeyed by every running process within a second."""
    given = bodies.read_object(request)
    return presenting.group(_changed(name, given))


@router.delete("/{name}", response=DeletedOut, summary="Remove a group that nothing belongs to")
def delete(request: HttpRequest, name: str) -> dict[str, object]:
    group_services.delete(name)
    return {"deleted": name}


def _changed(name: str, given: dict[str, object]) -> Group:
    if "group_name" in given:
        raise BadTokenField("group_name", "unknown field")
    return group_services.change(name, **given)
