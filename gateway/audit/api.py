"""Show who changed what over HTTP. Authentication is the gateway's; no path changes or removes an entry."""

from __future__ import annotations

from typing import Any, Literal

from django.http import HttpRequest, HttpResponseBase, StreamingHttpResponse
from ninja import Query, Router, Schema
from pydantic import ConfigDict, Field

from gateway.audit import exporting, finding
from gateway.audit.finding import MOST, Filters
from gateway.kernel.principal import of_request
from gateway.kernel.streaming import streamed

router = Router(tags=["audit"])


class WhoOut(Schema):
    kind: Literal["key", "person", "command", "local", "system", "anonymous"]
    name: str = Field(description="An e-mail, a user of the operating system, or empty")


class EntryOut(Schema):
    """One change. `before` and `after`: the fields that differ; null where there was nothing."""

    model_config = ConfigDict(extra="forbid")

    id: str
    at: str
    who: WhoOut
    via: Literal["console", "admin", "api", "command", "login", "system"]
    action: str
    subject: str
    before: dict[str, Any] | None
    after: dict[str, Any] | None
    peer: str
    request_id: str


class EntryListOut(Schema):
    data: list[EntryOut]
    has_more: bool
    next_after: str | None = Field(description="Pass it as `after` to get the next page")


class ListIn(Schema):
    who: str = Field("", description="An e-mail or name, or a kind such as `command`")
    action: str = Field("", description="Such as `token.issue`")
    subject: str = Field("", description="Such as `account:primary`")
    via: str = Field("", description="console, admin, api, command, login or system")
    begins: str = Field("", alias="from", description="A UTC day, included, or a time")
    ends: str = Field("", alias="to", description="A UTC day, included, or a time")
    after: str = Field("", description="`next_after` of the page before")
    limit: int = Field(100, ge=1, le=MOST)


AS_LINES = {"responses": {200: {"content": {exporting.MEDIA_TYPE: {"schema": {"type": "string"}}}}}}


@router.get("", response=EntryListOut, openapi_extra=AS_LINES, summary="List who changed what, newest first")
def listing(request: HttpRequest, asked: Query[ListIn]) -> dict[str, Any] | HttpResponseBase:
    """List entries; `Accept: application/x-ndjson` streams all of them, a line each."""
    filters = Filters(asked.who, asked.action, asked.subject, asked.via, asked.begins, asked.ends)
    if request.get_preferred_type(["application/json", exporting.MEDIA_TYPE]) == exporting.MEDIA_TYPE:
        lines = exporting.export(filters, principal=of_request(request))
        return StreamingHttpResponse(streamed(lines), content_type=exporting.MEDIA_TYPE)
    page = finding.page(filters, asked.limit, asked.after)
    return {
        "data": [finding.shown(row) for row in page.rows],
        "has_more": page.next_after is not None,
        "next_after": page.next_after,
    }
