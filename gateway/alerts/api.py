"""Channels, rules and the log of alerts over HTTP. Authentication and the mapping of errors are the gateway's."""

from __future__ import annotations

from typing import Any, Literal

from django.http import HttpRequest
from ninja import Body, Query, Router, Schema, Status
from pydantic import ConfigDict, Field

from gateway.alerts import logbook, services, trying
from gateway.alerts.models import AlertChannel, AlertRule
from gateway.kernel.asking import BadParameter
from gateway.kernel.described import body
from gateway.kernel.principal import of_request

router = Router(tags=["alerts"])

MOST = 1_000
Kind = Literal["email", "webhook", "slack", "discord", "teams"]
Event = Literal[
    "budget", "account-out", "account-login", "provider-out", "error-rate", "token-expires", "disk", "database",
    "redis",
]  # fmt: skip


class ChannelOut(Schema):
    model_config = ConfigDict(extra="forbid")

    name: str
    kind: Kind
    target: str = Field(description="Addresses of people; of a URL only where it is: `https://host/…`")


class MadeChannelOut(ChannelOut):
    secret: str | None = Field(None, description="A webhook's, told by the call that set it and never again")


class ChannelIn(Schema):
    name: str
    kind: Kind
    target: str = Field(description="E-mail addresses with commas between them, or the URL that is posted to")
    secret: str | None = Field(
        None, description="whsec_ and base64, of a webhook; one is made where none is given"
    )


class ChannelChangeIn(Schema):
    target: str | None = None
    secret: str | None = Field(None, description="Null: a new one is made")


class RuleIn(Schema):
    event: Event
    threshold: int | None = Field(None, description="Percent, or days of token-expires; null: the usual one")
    subject: str = Field("", description="Such as `group:team`; empty: all")
    channels: list[str] = Field(description="Names")
    enabled: bool = True
    quiet_from: str | None = Field(None, description="22:00, in BUDGET_TIME_ZONE")
    quiet_to: str | None = None


class RuleOut(RuleIn):
    model_config = ConfigDict(extra="forbid")

    id: int


class ChannelListOut(Schema):
    data: list[ChannelOut]
    has_more: bool
    next_after: str | None


class RuleListOut(Schema):
    data: list[RuleOut]
    has_more: bool
    next_after: str | None


class MessageOut(Schema):
    model_config = ConfigDict(extra="forbid")

    id: str = Field(description="The `webhook-id` of every try")
    rule: int | None
    channel: str
    event: str
    subject: str
    state: Literal["firing", "resolved", "test"]
    at: str
    tries: int
    delivered_at: str | None
    error: str | None


class AlertLogOut(Schema):
    data: list[MessageOut]
    has_more: bool
    next_after: str | None


class TestOut(Schema):
    ok: bool
    status: int | None
    message: str


class DeletedOut(Schema):
    deleted: str


class PageIn(Schema):
    after: str = Field("", description="`next_after` of the page before")
    limit: int = Field(100, ge=1, le=MOST)


class LogIn(PageIn):
    channel: str = ""
    event: str = ""
    subject: str = ""
    state: str = ""


def _channel(row: AlertChannel, secret: str = "") -> dict[str, Any]:
    shown = services.of_channel(row)
    return {**shown, "secret": secret} if secret else shown


def _rule(row: AlertRule) -> dict[str, Any]:
    return {"id": row.pk, **services.of_rule(row)}


def _page(rows: list[dict[str, Any]], key: str, asked: PageIn) -> dict[str, Any]:
    """Return the rows that follow `after` in the order that they have."""
    keys = [str(row[key]) for row in rows]
    if asked.after and asked.after not in keys:
        raise BadParameter("after", "must be the next_after of a page")
    rest = rows[keys.index(asked.after) + 1 :] if asked.after else rows
    found, has_more = rest[: asked.limit], len(rest) > asked.limit
    return {"data": found, "has_more": has_more, "next_after": str(found[-1][key]) if has_more else None}


@router.get("/channels", response=ChannelListOut, summary="List channels, by name")
def list_channels(request: HttpRequest, asked: Query[PageIn]) -> dict[str, Any]:
    return _page([_channel(row) for row in services.channels()], "name", asked)


@router.post(
    "/channels",
    response={201: MadeChannelOut},
    exclude_none=True,
    openapi_extra=body(ChannelIn),
    summary="Make a channel",
)
def create_channel(request: HttpRequest, values: Body[dict[str, Any]]) -> Status[dict[str, Any]]:
    """Make a channel; the secret that a webhook is signed with is told now and never again."""
    made = services.create_channel(values, principal=of_request(request))
    return Status(201, _channel(made.channel, made.secret))


@router.get("/channels/{name}", response=ChannelOut, summary="Show a channel")
def show_channel(request: HttpRequest, name: str) -> dict[str, Any]:
    return _channel(services.get_channel(name))


@router.patch(
    "/channels/{name}",
    response=MadeChannelOut,
    exclude_none=True,
    openapi_extra=body(ChannelChangeIn),
    summary="Change a channel",
)
def change_channel(request: HttpRequest, name: str, values: Body[dict[str, Any]]) -> dict[str, Any]:
    """Change where it sends to, or its secret."""
    made = services.change_channel(name, values, principal=of_request(request))
    return _channel(made.channel, made.secret)


@router.delete("/channels/{name}", response=DeletedOut, summary="Remove a channel, also from rules")
def remove_channel(request: HttpRequest, name: str) -> dict[str, str]:
    services.remove_channel(name, principal=of_request(request))
    return {"deleted": name}


@router.post("/channels/{name}/test", response=TestOut, summary="Send a test to a channel")
def test_channel(request: HttpRequest, name: str) -> dict[str, Any]:
    return trying.as_json(trying.try_channel(name, principal=of_request(request)))


@router.get("/rules", response=RuleListOut, summary="List rules, in the order in which they were made")
def list_rules(request: HttpRequest, asked: Query[PageIn]) -> dict[str, Any]:
    return _page([_rule(row) for row in services.rules()], "id", asked)


@router.post("/rules", response={201: RuleOut}, openapi_extra=body(RuleIn), summary="Make a rule")
def create_rule(request: HttpRequest, values: Body[dict[str, Any]]) -> Status[dict[str, Any]]:
    return Status(201, _rule(services.create_rule(values, principal=of_request(request))))


@router.get("/rules/{rule_id}", response=RuleOut, summary="Show a rule")
def show_rule(request: HttpRequest, rule_id: str) -> dict[str, Any]:
    return _rule(services.get_rule(rule_id))


@router.patch("/rules/{rule_id}", response=RuleOut, openapi_extra=body(RuleIn), summary="Change a rule")
def change_rule(request: HttpRequest, rule_id: str, values: Body[dict[str, Any]]) -> dict[str, Any]:
    """Change only what is given."""
    return _rule(services.change_rule(rule_id, values, principal=of_request(request)))


@router.delete("/rules/{rule_id}", response=DeletedOut, summary="Remove a rule")
def remove_rule(request: HttpRequest, rule_id: str) -> dict[str, str]:
    services.remove_rule(rule_id, principal=of_request(request))
    return {"deleted": rule_id}


@router.get("/log", response=AlertLogOut, summary="List what was told, newest first")
def log(request: HttpRequest, asked: Query[LogIn]) -> dict[str, Any]:
    filters = {name: getattr(asked, name) for name in logbook.NAMES}
    rows, next_after = logbook.page(filters, asked.limit, asked.after)
    return {"data": rows, "has_more": next_after is not None, "next_after": next_after}
