"""Answer `GET /api/usage`. Authentication is the gateway's; nothing is changed here."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any, Literal

from django.http import HttpRequest, HttpResponseBase, StreamingHttpResponse
from ninja import Query, Router, Schema
from pydantic import ConfigDict, Field

from gateway.kernel.asking import BadParameter
from gateway.kernel.principal import of_request
from gateway.kernel.streaming import streamed
from gateway.usage.reporting import csv, question, sums

router = Router(tags=["usage"])

MOST = 1_000
JSON, CSV = "json", csv.FORMAT


class SumsOut(Schema):
    """Sums of one row: first what it is about (the names in `by`), then these."""

    model_config = ConfigDict(extra="allow")

    requests: int
    errors: int
    refused: int
    cancelled: int
    input_tokens: int
    cache_read_tokens: int
    cache_write_tokens: int
    output_tokens: int
    unpriced: int = Field(description="Calls with usage and no price")
    cost: str = Field(description="A decimal, never rounded")
    currency: str


class UsageOut(Schema):
    begins: str = Field(alias="from")
    ends: str = Field(alias="to")
    time_zone: Literal["UTC"]
    by: list[str]
    data: list[dict[str, Any]]
    totals: list[SumsOut] = Field(description="One for each currency")
    has_more: bool
    next_after: str | None = Field(description="Pass it as `after` to get the next page")


class UsageIn(Schema):
    begins: str = Field("", alias="from", description="The first UTC day; this month when no period is given")
    ends: str = Field("", alias="to", description="The last UTC day")
    month: str = Field("", description="Such as 2026-11")
    period: str = Field("", description="today, yesterday, 7d or 30d")
    by: str = Field("", description="Up to three of person,token,group,model,account,provider,surface,day")
    person: str = ""
    token: str = Field("", description="A token's id")
    group: str = ""
    model: str = Field("", description="As it was served")
    account: str = ""
    provider: str = ""
    surface: str = ""
    sort: str = Field("", description="A column, with - in front for falling; -cost when absent")
    format: str = Field("", description="json or csv; else as Accept says")
    after: str = Field("", description="`next_after` of the page before")
    limit: int = Field(100, ge=1, le=MOST)


AS_CSV = {"responses": {200: {"content": {csv.MEDIA_TYPE: {"schema": {"type": "string"}}}}}}


@router.get("", response=UsageOut, by_alias=True, openapi_extra=AS_CSV, summary="Sum usage")
def usage(request: HttpRequest, asked: Query[UsageIn]) -> dict[str, Any] | HttpResponseBase:
    """Sum usage of a period; with `format=csv`, or `Accept: text/csv`, all rows as a file."""
    read = question.read(asked.dict(by_alias=True), datetime.now(UTC).date())
    start = _start(asked.after)
    if _form(request, asked.format) == CSV:
        lines = csv.export(read, principal=of_request(request))
        response = StreamingHttpResponse(streamed(lines), content_type=f"{csv.MEDIA_TYPE}; charset=utf-8")
        response["Content-Disposition"] = f'attachment; filename="{csv.file_name(read)}"'
        return response
    data, has_more = sums.page(read, asked.limit, start)
    is_partial = has_more or start > 0
    totals = sums.totals(read) if is_partial else sums.added_up(data)
    return {
        **sums.answer(read, data, totals),
        "has_more": has_more,
        "next_after": str(start + len(data)) if has_more else None,
    }


def _form(request: HttpRequest, named: str) -> str:
    if named not in ("", JSON, CSV):
        raise BadParameter("format", f"must be {JSON} or {CSV}")
    if named:
        return named
    return CSV if request.get_preferred_type(["application/json", csv.MEDIA_TYPE]) == csv.MEDIA_TYPE else JSON


def _start(after: str) -> int:
    if not after:
        return 0
    if not (after.isascii() and after.isdecimal() and len(after) <= 9):
        raise BadParameter("after", "must be `next_after` of the page before")
    return int(after)
