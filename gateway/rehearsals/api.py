"""Rehearsals over HTTP. Authentication and the mapping of errors are the gateway's."""

from __future__ import annotations

from typing import Any, Literal

from django.http import HttpRequest
from ninja import Body, Query, Router, Schema, Status
from pydantic import ConfigDict, Field

from gateway.kernel.asking import BadParameter
from gateway.kernel.described import body
from gateway.kernel.principal import of_request
from gateway.rehearsals import services

router = Router(tags=["rehearsals"])

Fault = Literal["429", "529", "500", "stall", "cut"]


class RehearsalIn(Schema):
    account: str | None = Field(None, description="One of these two")
    provider: str | None = None
    fault: Fault
    calls: int | None = Field(None, ge=1, le=services.MOST_CALLS, description="Client calls that meet it")
    seconds: int = Field(services.USUAL_SECONDS, ge=1, le=services.MOST_SECONDS)


class RehearsalOut(Schema):
    model_config = ConfigDict(extra="forbid")

    id: str
    account: str | None
    provider: str | None
    fault: Fault
    calls: int | None
    left: int | None = Field(
        description="Client calls that are still to meet it; null: it ends by time alone"
    )
    started_at: str
    ends_at: str


class RehearsalListOut(Schema):
    data: list[RehearsalOut]
    has_more: bool
    next_after: str | None


class EndedOut(Schema):
    ended: str


class PageIn(Schema):
    after: str = Field("", description="`next_after` of the page before")
    limit: int = Field(100, ge=1, le=1_000)


@router.get("", response=RehearsalListOut, summary="List the rehearsals that run, newest first")
def listing(request: HttpRequest, asked: Query[PageIn]) -> dict[str, Any]:
    found = [services.as_json(row) for row in services.running()]
    ids = [row["id"] for row in found]
    if asked.after and asked.after not in ids:
        raise BadParameter("after", "must be the next_after of a page")
    rest = found[ids.index(asked.after) + 1 :] if asked.after else found
    page, has_more = rest[: asked.limit], len(rest) > asked.limit
    return {"data": page, "has_more": has_more, "next_after": page[-1]["id"] if has_more else None}


@router.post("", response={201: RehearsalOut}, openapi_extra=body(RehearsalIn), summary="Rehearse a fault")
def start(request: HttpRequest, values: Body[dict[str, Any]]) -> Status[dict[str, Any]]:
    """Let calls of an account or a provider meet a fault; nothing of them goes upstream. It ends by itself."""
    return Status(201, services.as_json(services.start(values, principal=of_request(request))))


@router.delete("/{rehearsal_id}", response=EndedOut, summary="End a rehearsal")
def end(request: HttpRequest, rehearsal_id: str) -> dict[str, str]:
    services.end(rehearsal_id, principal=of_request(request))
    return {"ended": rehearsal_id}
