"""Management of people over HTTP. Authentication and the mapping of errors are the gateway's."""

from __future__ import annotations

from django.http import HttpRequest
from ninja import Query, Router

from gateway.kernel.described import body
from gateway.kernel.principal import of_request
from tokens import bodies
from tokens.errors import BadTokenField
from tokens.people import presenting, services, standing
from tokens.people.schemas import (
    PersonChangeIn,
    PersonIn,
    PersonListIn,
    PersonListOut,
    PersonOut,
    ShownPersonOut,
    SignedOut,
)
from tokens.schemas import DeletedOut

router = Router(tags=["people"])


@router.get("", response=PersonListOut, summary="List people, by address")
def listing(request: HttpRequest, asked: Query[PersonListIn]) -> dict[str, object]:
    rows, has_more = services.portion(asked.limit, asked.after)
    return {
        "data": presenting.people(rows),
        "has_more": has_more,
        "next_after": standing.address_of(rows[-1].user) if has_more else None,
    }


@router.post("", response=PersonOut, openapi_extra=body(PersonIn), summary="Make a person")
def create(request: HttpRequest) -> dict[str, object]:
    """Make a person, who may then sign in from Claude Code and on our pages."""
    given = bodies.only(bodies.read_object(request), ("email", *services.NEW))
    if given.get("email") is None:
        raise BadTokenField("email", "must be given")
    email = given.pop("email")
    known = {name: value for name, value in given.items() if value is not None}
    return presenting.person(services.add(email, principal=of_request(request), **known))


@router.get("/{email}", response=ShownPersonOut, summary="Show a person, her use and her sign-ins")
def show(request: HttpRequest, email: str) -> dict[str, object]:
    return presenting.shown(services.get(email))


@router.patch("/{email}", response=PersonOut, openapi_extra=body(PersonChangeIn), summary="Change a person")
def change(request: HttpRequest, email: str) -> dict[str, object]:
    """Change only what is given; null clears. Every running process obeys within a second."""
    given = bodies.only(bodies.read_object(request), services.CHANGEABLE)
    return presenting.person(services.change(email, principal=of_request(request), **given))


@router.post("/{email}/sign-out", response=SignedOut, summary="End all sign-ins of a person")
def sign_out(request: HttpRequest, email: str) -> dict[str, object]:
    return {"signed_out": services.sign_out(email, principal=of_request(request))}


@router.delete("/{email}", response=DeletedOut, summary="Remove a person and end her sign-ins")
def delete(request: HttpRequest, email: str) -> dict[str, object]:
    services.remove(email, principal=of_request(request))
    return {"deleted": email}
