"""The shapes of the token API, for its answers and for the OpenAPI page."""

from __future__ import annotations

from typing import Any

from ninja import Schema
from pydantic import ConfigDict, Field

from .services import MAX_PAGE


class TokenOut(Schema):
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
    allowed_models: list[str]
    allowed_surfaces: list[str]
    ledger_id: str
    rotated_from: str | None


class IssuedOut(TokenOut):
    token: str = Field(description="The secret. It is shown here and never again.")
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
    after: str | None = Field(None, description="`next_after` of the page before")
    limit: int = Field(MAX_PAGE, description="At most 1000")


class RevokedOut(Schema):
    revoked: str


class Settable(Schema):
    label: str | None = Field(None, description="At most 1000 characters")
    account: str | None = Field(None, description="Serve this token with this account only")
    provider: str | None = Field(None, description="Serve this token with this provider only")
    group: str | None = Field(None, description="The name of a group, whose limits then hold too")
    allowed_models: list[str] | None = Field(None, description="Patterns such as claude-*; empty = all")
    allowed_surfaces: list[str] | None = Field(None, description="Patterns of surface names; empty = all")


class IssueIn(Settable):
    ttl_hours: int | None = Field(None, ge=1, le=87_600, description="24 when absent")


class ChangeIn(Settable):
    expires_at: int | None = Field(None, description="Unix seconds, not beyond the signed end")


class RevokeIn(Schema):
    id: str


class RotateIn(Schema):
    grace_seconds: int | None = Field(None, ge=0, le=2_592_000, description="3600 when absent; 0 = now")
    ttl_hours: int | None = Field(None, ge=1, le=87_600, description="As long as the old token, when absent")


def body(schema: type[Schema], is_required: bool = True) -> dict[str, Any]:
    """The OpenAPI description of a request body that the view reads itself."""
    content = {"application/json": {"schema": schema.model_json_schema()}}
    return {"requestBody": {"required": is_required, "content": content}}
