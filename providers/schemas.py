"""Shapes of the provider and route API, for the OpenAPI page."""

from __future__ import annotations

from ninja import Schema
from pydantic import ConfigDict, Field

from providers.drivers.table import DEFAULT_KIND, DRIVERS, REFERENCE_KINDS

KINDS = f"One of {', '.join(DRIVERS)}; {DEFAULT_KIND} when absent"
KINDS_SHOWN = f"One of {', '.join(REFERENCE_KINDS.get(kind, kind) for kind in DRIVERS)}"


class ProviderStatusOut(Schema):
    """The reason why no calls go to a provider, as the process that answers sees it."""

    state: str = Field(
        description="down: its circuit breaker is open; cooling: its own key is on cooldown; "
        "partly-cooling: for some models only"
    )
    until: float = Field(description="Unix seconds")
    reason: str


class ProviderOut(Schema):
    """One provider, without its secrets."""

    model_config = ConfigDict(extra="allow")

    name: str
    kind: str = Field(description=KINDS_SHOWN)
    base_url: str
    default_model: str | None = None
    models: list[str]
    api_key_env: str | None = None
    has_encrypted_api_key: bool
    enabled: bool
    priority: int | None = Field(None, description="Lower goes first; 100 when absent")
    responses: str | None = Field(None, description="auto (when absent), native, translate or only")
    login: str | None = Field(None, description="Whose login it is called with: pool (when absent) or caller")
    region: str | None = Field(None, description="Of a cloud")
    project: str | None = Field(None, description="Of vertex")
    workspace: str | None = Field(None, description="Of anthropic-aws")
    api: str | None = Field(None, description="Of bedrock: auto (when absent), messages, mantle or invoke")
    model_ids: dict[str, str] | None = Field(None, description="What models are called there")
    options: dict[str, str] | None = Field(None, description="What only its kind knows, such as a mode")
    tools: str | None = Field(None, description="How tools are told: auto (when absent), native or xml")
    headers: list[str] | None = Field(None, description="Names of the extra headers; values are never shown")
    connect_timeout_seconds: float | None = None
    first_byte_timeout_seconds: float | None = None
    idle_timeout_seconds: float | None = None
    condition: ProviderStatusOut | None = Field(None, description="Absent when calls may go there")


class ProviderListOut(Schema):
    data: list[ProviderOut]


class ProviderChange(Schema):
    kind: str | None = Field(None, description=KINDS)
    base_url: str | None = Field(None, description="http(s)://host[:port][/path]")
    default_model: str | None = Field(None, description="For calls that name no model")
    models: list[str] | None = Field(None, description="Model names that lead here")
    api_key: str | None = Field(None, description="Stored encrypted. Not given: the stored one stays")
    api_key_env: str | None = Field(None, description="The variable that holds the key; goes first")
    encrypted_api_key: str | None = Field(None, description="A key in the stored form of another router")
    enabled: bool | None = None
    headers: dict[str, str] | None = Field(None, description="Extra headers of every call, stored encrypted")
    priority: int | None = None
    responses: str | None = Field(None, description="auto, native, translate or only")
    login: str | None = Field(
        None, description="pool, or caller: each caller's own, who sends our token as x-la-token"
    )
    region: str | None = Field(None, description="Of a cloud; an account's own goes before it")
    project: str | None = Field(None, description="Of vertex")
    workspace: str | None = Field(None, description="Of anthropic-aws")
    api: str | None = Field(None, description="Of bedrock: auto, messages, mantle or invoke")
    model_ids: dict[str, str] | None = Field(
        None, description="What models are called at a cloud: {name: id}; replaces what there was"
    )
    options: dict[str, str] | None = Field(None, description="What only its kind knows, such as a mode")
    tools: str | None = Field(None, description="auto, native or xml, with EXPERIMENTAL_XML_TOOLS")
    connect_timeout_seconds: float | None = None
    first_byte_timeout_seconds: float | None = None
    idle_timeout_seconds: float | None = None


class ProviderIn(ProviderChange):
    name: str
    base_url: str | None = Field(
        None, description="http(s)://host[:port][/path]; clouds have one of their own, claude-cli has none"
    )


class ClearedOut(Schema):
    cleared: str


class DeletedOut(Schema):
    deleted: str


class ProbeOut(Schema):
    ok: bool
    status: int | None
    message: str
    models: list[str]
    seconds: float


class Fallback(Schema):
    provider: str
    model: str = Field("", description="Its name there; empty: as asked")


class RouteChange(Schema):
    provider: str | None = None
    upstream_model: str | None = Field(None, description="Its name there; empty: as asked")
    fallbacks: list[Fallback] | None = Field(None, description="Tried in order when the call fails")
    priority: int | None = Field(None, description="Lower goes first; 100 when absent")
    listed: bool | None = Field(None, description="Show the name in /v1/models")
    display_name: str | None = None


class RouteIn(RouteChange):
    model: str = Field(description="A name, or a pattern with *")
    provider: str


class RouteOut(Schema):
    model: str
    provider: str
    upstream_model: str | None
    priority: int
    fallbacks: list[Fallback]
    listed: bool
    display_name: str | None


class RouteListOut(Schema):
    data: list[RouteOut]


class StepOut(Schema):
    provider: str
    kind: str
    base_url: str
    dialect: str
    model: str | None = Field(description="The name that is sent")
    is_probe: bool = Field(description="Only until it is known whether the provider has this API")
    reason: str


class ChainIn(Schema):
    """The call whose chain is asked for."""

    model: str
    surface: str = "messages"


class ChainOut(Schema):
    model: str
    surface: str
    chain: list[StepOut]
