"""Shapes of the API of people, for its answers and for the OpenAPI page."""

from __future__ import annotations

from ninja import Schema
from pydantic import Field

from tokens.schemas import Limitable, LimitsOut


class PersonOut(LimitsOut):
    """A person with her own limits, which hold for all her sign-ins together."""

    email: str
    name: str
    active: bool
    is_staff: bool
    role: str | None = Field(description="viewer, operator, admin or developer; null: none")
    groups: list[str] = Field(description="By priority: the first one is the group of her sign-ins")
    source: str = Field(description="local or oidc")


class SpentOut(Schema):
    spent: str
    remaining: str
    resets_at: int | None = Field(description="Unix seconds")


class PersonUsageOut(Schema):
    budget: SpentOut | None = Field(description="Of her cap: her own budget, else what her first group gives")


class SignInOut(Schema):
    """A sign-in that may still be refreshed. Times are Unix seconds."""

    id: str
    surface: str
    client: str = Field(description="Its User-Agent")
    started_at: int
    last_used_at: int | None
    expires_at: int


class ShownPersonOut(PersonOut):
    usage: PersonUsageOut
    sign_ins: list[SignInOut] = Field(description="Newest first")
    totp: bool = Field(description="Whether a code is asked for after her password")


class PersonListOut(Schema):
    data: list[PersonOut]
    has_more: bool
    next_after: str | None = Field(description="Pass it as `after` to get the next page")


class PersonListIn(Schema):
    after: str | None = Field(None, description="`next_after` of the page before")
    limit: int = Field(1000, ge=1, le=1000)


class PersonSettable(Limitable):
    password: str | None = Field(None, description="Without one she signs in at the issuer only")
    groups: list[str] | None = Field(None, description="All her groups, by name")
    name: str | None = Field(None, description="At most 150 characters")
    is_staff: bool | None = Field(None, description="May open the admin; a role says so, too")
    role: str | None = Field(None, description="viewer, operator, admin or developer; null: none")


class PersonIn(PersonSettable):
    email: str


class PersonChangeIn(PersonSettable):
    active: bool | None = Field(None, description="false: signed out everywhere, within a second")
    totp: bool | None = Field(
        None, description="false: no second factor any more; she switches it on herself"
    )


class SignedOut(Schema):
    signed_out: int = Field(description="How many sign-ins were ended")
