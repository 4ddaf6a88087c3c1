"""Shapes of the token API, for its answers and for the OpenAPI page."""

from __future__ import annotations

from typing import Any

from ninja import Schema
from pydantic import ConfigDict, Field

from tokens.services import MAX_PAGE


class LimitsOut(Schema):
    """Limits of a token or a group; null = no such limit."""

    max_requests: int | None
    requests_per_minute: int | None
    input_tokens_per_minute: int | None
    output_tokens_per_minute: int | None
    max_parallel_requests: int | None
    budget: str | None = Field(description="A decimal, in `budget_currency`")
    budget_currency: str | None
    budget_period: str | None = Field(description="day, week, month or never")
    budget_soft_percent: int | None
    allowed_models: list[str]
    allowed_surfaces: list[str]


class TokenOut(LimitsOut):
    """One token, without its secret. Times are Unix seconds."""

    model_config = ConfigDict(extra="allow")

    id: str
    label: str
    issued_at: int
    expires_at: int
    revoked: bool
    account: str | None
    state: str = Field(description="active, revoked or expired")
    provider: str | None
    group: str | None
    person: str | None = Field(description="Whose it is: the address of who signed in, or of its owner")
    payment: str = Field(description="charge, exempt or prepaid")
    log_requests: bool = Field(description="Whether the request log keeps its calls")
    ledger_id: str
    rotated_from: str | None


class ShownTokenOut(TokenOut):
    usage: dict[str, Any] = Field(description="What each limit has used, and when it resets (Unix seconds)")


class IssuedOut(TokenOut):
    token: str = Field(description="The secret. It is shown here and never again.")
    ttl_hours: int


class HandedOverOut(TokenOut):
    """A token whose secret only the one sees who opens the link."""

    handover_url: str = Field(description="Opens once; whoever opens it sees the secret")
    handover_expires_at: str = Field(description="RFC 3339")
    ttl_hours: int


class RotatedOut(IssuedOut):
    old_expires_at: int = Field(description="When the token that was rotated ends")


class TokenListOut(Schema):
    data: list[TokenOut]
    has_more: bool
    next_after: str | None = Field(description="Pass it as `after` to get the next page")


class ListIn(Schema):
    label: str | None = Field(None, description="Contained in the label")
    state: str | None = Field(None, description="active, revoked or expired")
    account: str | None = None
    group: str | None = None
    person: str | None = Field(None, description="An address")
    after: str | None = Field(None, description="`next_after` of the page before")
    limit: int = Field(MAX_PAGE, description="At most 1000")


class RevokedOut(Schema):
    revoked: str


class Limitable(Schema):
    max_requests: int | None = Field(None, description="In all; counts what is sent upstream")
    requests_per_minute: int | None = Field(None, description="In any 60 seconds")
    input_tokens_per_minute: int | None = Field(None, description="Without cache reads")
    output_tokens_per_minute: int | None = Field(
        None, description="Running calls count with their max_tokens"
    )
    max_parallel_requests: int | None = None
    budget: str | None = Field(None, description='A decimal string such as "12.50"')
    budget_currency: str | None = Field(None, description="That of the prices; USD when absent")
    budget_period: str | None = Field(None, description="day, week, month or never (when absent)")
    budget_soft_percent: int | None = Field(None, description="From here on answers carry x-budget-warning")
    allowed_models: list[str] | None = Field(None, description="Patterns such as claude-*; empty = all")
    allowed_surfaces: list[str] | None = Field(None, description="Patterns of surface names; empty = all")


class Settable(Limitable):
    label: str | None = Field(None, description="At most 1000 characters")
    account: str | None = Field(None, description="Serve this token with this account only")
    provider: str | None = Field(None, description="Serve this token with this provider only")
    group: str | None = Field(None, description="The name of a group, whose limits then hold too")
    person: str | None = Field(None, description="The address of the person who answers for it")
    payment: str | None = Field(
        None,
        description="Where calls are paid for: charge (when absent), exempt, or prepaid (needs a budget)",
    )
    log_requests: bool | None = Field(
        None, description="Keep what it asks and is answered; false when absent"
    )


class IssueIn(Settable):
    ttl_hours: int | None = Field(None, ge=1, le=87_600, description="24 when absent")
    handover: bool | None = Field(None, description="true: a link that shows the secret once, not the secret")


class ChangeIn(Settable):
    expires_at: int | None = Field(None, description="Unix seconds, not beyond the signed end")


class GroupOut(LimitsOut):
    """Team whose limits hold for all its tokens together."""

    name: str
    parent: str | None
    priority: int = Field(description="Of a person's groups the lowest goes first, then the name")
    member_budget: str | None = Field(description="Of each member, in `budget_currency`")
    member_budget_period: str | None = Field(description="day, week, month or never")
    tokens: int = Field(description="How many belong to it")


class ShownGroupOut(GroupOut):
    usage: dict[str, Any] = Field(description="What each limit has used, and when it resets (Unix seconds)")


class GroupListOut(Schema):
    data: list[GroupOut]


class GroupChangeIn(Limitable):
    name: str | None = Field(None, description="At most 150 characters, unique")
    parent: str | None = Field(None, description="A group that has no parent itself")
    priority: int | None = Field(
        None, description="100 when absent; of a person's groups the lowest goes first"
    )
    member_budget: str | None = Field(None, description="The budget of each member who has none of her own")
    member_budget_period: str | None = Field(None, description="day, week, month or never (when absent)")


class GroupIn(GroupChangeIn):
    name: str


class DeletedOut(Schema):
    deleted: str


class RevokeIn(Schema):
    id: str


class FindIn(Schema):
    secret: str = Field(description="What was found; it is kept nowhere")


class RotateIn(Schema):
    grace_seconds: int | None = Field(None, ge=0, le=2_592_000, description="3600 when absent; 0 = now")
    ttl_hours: int | None = Field(None, ge=1, le=87_600, description="As long as the old token, when absent")
