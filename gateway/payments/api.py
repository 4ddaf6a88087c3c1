"""Show payments over HTTP. Authentication is the gateway's; nothing is changed here."""

from __future__ import annotations

from typing import Any, Literal

from django.http import HttpRequest
from ninja import Query, Router, Schema
from pydantic import ConfigDict, Field

from gateway.payments import presenting

router = Router(tags=["payments"])

MAX_PAGE = 1_000
Status = Literal["claimed", "settled", "failed", "refunded", "refund-due", "unknown"]


class PaymentOut(Schema):
    """One credential that was tried for a call. Times are Unix seconds."""

    model_config = ConfigDict(extra="forbid")

    id: str
    method: str
    intent: str
    amount: str = Field(description="In base units")
    currency: str
    recipient: str
    status: Status
    reference: str | None = Field(description="The method's own name for it: a PaymentIntent, a payment hash")
    token_id: str | None = Field(description="Null: the caller had no token (MPP_ANONYMOUS)")
    created_at: int
    detail: str | None = Field(description="Why it failed, or is not known")
    request_id: str = Field(description="Of the newest call it was for")
    settled_at: int | None
    served_at: int | None = Field(description="When the answer began; null: nothing was delivered")
    refunded_at: int | None


class PaymentListOut(Schema):
    payments: list[PaymentOut]
    has_more: bool
    next_before: str | None = Field(description="Pass it as `before` to get the next page")


class ListIn(Schema):
    status: Status | None = None
    token_id: str | None = None
    before: str | None = Field(
        None, pattern=r"^[0-9a-f-]{36}$", description="`next_before` of the page before"
    )
    limit: int = Field(MAX_PAGE, ge=1, le=MAX_PAGE)


@router.get("", response=PaymentListOut, summary="List payments, newest first")
def listing(request: HttpRequest, filters: Query[ListIn]) -> dict[str, Any]:
    rows = presenting.find(filters.status, filters.token_id, filters.before)[: filters.limit + 1]
    shown = [presenting.payment(row) for row in rows[: filters.limit]]
    has_more = len(rows) > filters.limit
    return {"payments": shown, "has_more": has_more, "next_before": shown[-1]["id"] if has_more else None}
