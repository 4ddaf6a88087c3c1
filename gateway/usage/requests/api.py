"""Show finished calls over HTTP. Authentication is the gateway's."""

from __future__ import annotations

from typing import Any

from django.http import Http404, HttpRequest
from ninja import Query, Router, Schema
from pydantic import ConfigDict, Field

from gateway.kernel.principal import of_request
from gateway.usage.requestlog import rows as requestlog
from gateway.usage.requests import explaining, filters, finding, presenting
from gateway.usage.requests.finding import MOST

router = Router(tags=["requests"])


class WordsOut(Schema):
    type: str
    message: str


class RequestOut(Schema):
    """One finished call. What was not known of it is empty, or null."""

    model_config = ConfigDict(extra="forbid")

    id: str
    started_at: str
    person: str
    token: str
    token_label: str
    group: str
    surface: str
    path: str
    model_asked: str
    model_served: str
    provider: str
    account: str
    status: int
    upstream_status: int | None
    is_stream: bool
    is_rehearsal: bool
    failure_kind: str
    failure_message: str
    upstream_error: WordsOut | None = Field(description="The words of the last upstream that refused")
    attempts: int
    first_byte_seconds: float | None
    total_seconds: float
    overhead_seconds: float
    input_tokens: int
    cache_read_tokens: int
    cache_write_tokens: int
    output_tokens: int
    cost: str | None = Field(description="A decimal, never rounded; null: no price is known")
    currency: str
    peer: str


class TryOut(Schema):
    provider: str
    account: str
    status: int | None
    reason: str
    seconds: float


class PricePartOut(Schema):
    what: str
    tokens: int | None
    per_million: str | None
    cost: str | None


class KeptTextsOut(Schema):
    """Texts without secrets; reading them is recorded."""

    request: str
    answer: str
    is_cut: bool


class ShownRequestOut(RequestOut):
    """One finished call, taken apart."""

    tried: list[TryOut]
    price: list[PricePartOut]
    explain: list[str]
    log: KeptTextsOut | None = Field(description="What the request log kept; for admins, else null")


class RequestListOut(Schema):
    data: list[RequestOut]
    has_more: bool
    next_after: str | None = Field(
        description="Pass it as `after` to go on; a page may be short where no index answers"
    )


class ListIn(Schema):
    person: str = ""
    token: str = Field("", description="A token's id")
    group: str = ""
    model: str = Field("", description="As asked, or as served")
    provider: str = ""
    account: str = ""
    surface: str = ""
    status: str = Field("", description="ok, failed, 2xx, 3xx, 4xx, 5xx or a number")
    slower_than: str = Field("", description="Seconds")
    begins: str = Field("", alias="from", description="A UTC day, included, or a time")
    ends: str = Field("", alias="to", description="A UTC day, included, or a time")
    q: str = Field("", description="A request id, or text in the token's label")
    after: str = Field("", description="`next_after` of the page before")
    limit: int = Field(100, ge=1, le=MOST)


@router.get("", response=RequestListOut, summary="List finished calls, newest first")
def listing(request: HttpRequest, asked: Query[ListIn]) -> dict[str, Any]:
    found = finding.page(filters.read(asked.dict(by_alias=True)), asked.limit, asked.after)
    return {
        "data": [presenting.shown(row) for row in found.rows],
        "has_more": found.next_after is not None,
        "next_after": found.next_after,
    }


@router.get("/{request_id}", response=ShownRequestOut, summary="Show a finished call, and explain it")
def show(request: HttpRequest, request_id: str) -> dict[str, Any]:
    row = finding.get(request_id)
    if row is None:
        raise Http404
    log = requestlog.read(row, principal=of_request(request)) if requestlog.may_read(request) else None
    return {**explaining.whole(row), "log": log}
