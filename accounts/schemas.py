"""Shapes of the management API, for its documents; `validation.clean` does the checking."""

from __future__ import annotations

from ninja import Schema
from pydantic import ConfigDict, Field


class CapShape(Schema):
    requests: int
    window_seconds: int


class ChangeAccount(Schema):
    """Fields that may be changed later. Only those given change."""

    provider: str | None = Field(None, description="The provider's name; `anthropic` when not given")
    location: str | None = Field(
        None, description="A directory's absolute path, a variable's name, AWS's profile, or Google's file"
    )
    region: str | None = Field(None, description="At a cloud; goes before the provider's")
    secret: str | None = Field(
        None,
        description="API key, access token of a pair, AWS's secret access key, a service account's JSON, or a "
        "client's secret. Never shown again",
    )
    access_key_id: str | None = Field(None, description="Of an aws account")
    session_token: str | None = Field(None, description="Of an aws account")
    role_arn: str | None = Field(None, description="Of an aws account: the role to assume")
    tenant_id: str | None = Field(None, description="Of an azure account")
    client_id: str | None = Field(None, description="Of an azure account")
    refresh_token: str | None = None
    expires_at: float | None = Field(None, description="Unix seconds: when the access token ends")
    proxy: str | None = Field(None, description="Egress proxy, http:// or socks5://[user:password@]host:port")
    is_paused: bool | None = None
    priority: int | None = Field(None, description="Lower goes first")
    weight: int | None = Field(None, description="Share of calls under the weighted strategy")
    request_caps: list[CapShape] | None = None
    max_parallel: int | None = None
    pause_at_percent: int | None = Field(None, description="Pause when a quota window is used that far")


class NewAccount(ChangeAccount):
    name: str
    source: str = Field(description="directory, api_key, oauth, environment, aws, google or azure")


class WindowShape(Schema):
    name: str
    status: str | None
    used_percent: float | None
    resets_at: float | None


class CooldownShape(Schema):
    scope: str
    value: str | None
    state: str
    until: float
    remaining_seconds: int
    reason: str
    needs_operator: bool


class AccountShape(Schema):
    """One account as it stands in the process that answers. Times are Unix seconds."""

    name: str
    provider: str
    source: str
    region: str | None
    state: str
    healthy: bool
    home: str | None
    fingerprint: str | None
    expires_at: float | None
    needs_login: bool
    paused: bool
    absent: bool
    priority: int
    weight: int
    request_caps: list[CapShape]
    max_parallel: int | None
    pause_at_percent: int | None
    used: int
    used_total: int
    in_flight: int
    last_error: str | None
    cooldown_remaining_seconds: int | None
    cooldowns: list[CooldownShape]
    quota: list[WindowShape]


class AccountList(Schema):
    data: list[AccountShape]


class ProbeShape(Schema):
    ok: bool
    status: int | None
    message: str
    seconds: float


class RemovedShape(Schema):
    removed: str


class ChangePool(Schema):
    model_config = ConfigDict(extra="forbid")
    strategy: str = Field(description="round-robin, priority, least-used, weighted; empty = the setting")


class PoolShape(Schema):
    strategy: str = Field(description="In force")
    setting: str = Field(description="ACCOUNT_ROUTING_STRATEGY")
    is_changed: bool = Field(description="Changed while running, so the setting does not count")
