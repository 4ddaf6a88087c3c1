"""Management of tokens over HTTP. Authentication and the mapping of errors are the gateway's."""

from __future__ import annotations

import time

from django.http import HttpRequest
from ninja import Query, Router

from gateway.kernel.described import body
from gateway.kernel.principal import of_request
from tokens import bodies, presenting, services
from tokens.errors import BadTokenField
from tokens.handover import services as handover
from tokens.leaked import services as leaked
from tokens.limits import usage
from tokens.schemas import (
    ChangeIn,
    FindIn,
    HandedOverOut,
    IssuedOut,
    IssueIn,
    ListIn,
    RevokedOut,
    RevokeIn,
    RotatedOut,
    RotateIn,
    ShownTokenOut,
    TokenListOut,
    TokenOut,
)

router = Router(tags=["tokens"])


@router.post("", response=IssuedOut | HandedOverOut, openapi_extra=body(IssueIn), summary="Issue a token")
def issue(request: HttpRequest) -> dict[str, object]:
    """Issue a token; its secret is in this answer and nowhere else. With `handover` a link to it is, in its place."""
    given = bodies.only(bodies.read_object(request), (*services.ISSUABLE, handover.FIELD))
    is_handed_over = handover.is_wanted(given.pop(handover.FIELD, None))
    known = {name: value for name, value in given.items() if value is not None}
    if is_handed_over:
        made = handover.issue(principal=of_request(request), **known)
        return presenting.handed_over(made, request.build_absolute_uri("/"), time.time())
    return presenting.issued(services.issue(principal=of_request(request), **known), time.time())


@router.get("/list", response=TokenListOut, summary="List tokens, newest first")
def listing(request: HttpRequest, filters: Query[ListIn]) -> dict[str, object]:
    page, now = services.find(services.Filters(**filters.dict())), time.time()
    return {
        "data": [presenting.record(token, now) for token in page.tokens],
        "has_more": page.has_more,
        "next_after": page.tokens[-1].id if page.has_more else None,
    }


@router.post("/revoke", response=RevokedOut, openapi_extra=body(RevokeIn), summary="Revoke a token")
def revoke(request: HttpRequest) -> dict[str, object]:
    """Revoke a token for good.

    Repeating it is no error; an unknown id is (the reference says 200 to those).
    """
    token_id = bodies.only(bodies.read_object(request), ("id",)).get("id")
    if not isinstance(token_id, str):
        raise BadTokenField("id", "must be given, as a string")
    return {"revoked": services.revoke(token_id, principal=of_request(request)).id}


@router.post("/find", response=TokenOut, openapi_extra=body(FindIn), summary="Tell whose a secret is")
def find(request: HttpRequest) -> dict[str, object]:
    """Show the token of a secret that somebody has found; 404 when we have not signed it."""
    given = bodies.only(bodies.read_object(request), ("secret",))
    token = leaked.find(given.get("secret"), principal=of_request(request))
    return presenting.record(token, time.time())


@router.get("/{token_id}", response=ShownTokenOut, summary="Show a token and what it has used")
def show(request: HttpRequest, token_id: str) -> dict[str, object]:
    token = services.get(token_id)
    return {**presenting.record(token, time.time()), "usage": usage.of_token(token)}


@router.patch("/{token_id}", response=TokenOut, openapi_extra=body(ChangeIn), summary="Change a token")
def change(request: HttpRequest, token_id: str) -> dict[str, object]:
    """Change only what is given; null clears. Every running process obeys within a second."""
    given = bodies.read_fields(request)
    return presenting.record(services.change(token_id, principal=of_request(request), **given), time.time())


@router.post(
    "/{token_id}/rotate",
    response=RotatedOut,
    openapi_extra=body(RotateIn, is_required=False),
    summary="Replace a token's secret",
)
def rotate(request: HttpRequest, token_id: str) -> dict[str, object]:
    """Replace a token by a successor with the same limits; the old secret lives on for `grace_seconds`."""
    given = bodies.only(bodies.read_object(request), ("grace_seconds", "ttl_hours"))
    terms = given.get("grace_seconds"), given.get("ttl_hours")
    result = services.rotate(token_id, *terms, principal=of_request(request))
    return presenting.rotated(result, time.time())
