"""Manage prices over HTTP. Authentication and the mapping of errors are the gateway's."""

from __future__ import annotations

from datetime import date
from typing import Any

from django.http import HttpRequest
from ninja import Query, Router, Schema
from pydantic import ConfigDict, Field

from gateway.kernel.principal import of_request
from gateway.usage.prices import presenting, services

router = Router(tags=["prices"])


class PriceIn(Schema):
    """Prices are decimal strings per million tokens, with at most four decimals."""

    model_config = ConfigDict(extra="forbid")

    model: str = Field(description="A name, or a pattern such as claude-opus-*")
    provider: str = Field(
        "",
        description="A provider's name; bedrock/regional, vertex/regional: calls there that stay in a region; "
        "empty: everywhere else",
    )
    input: str | None = None
    output: str | None = None
    cache_read: str | None = Field(None, description="As input when null")
    cache_write_5m: str | None = Field(None, description="As input when null")
    cache_write_1h: str | None = Field(None, description="As cache_write_5m when null")
    web_search: str = Field("10", description="A thousand searches of the vendor's web search")
    batch_multiple: str = Field("0.5", description="Of calls that may wait: batch, flex")
    fast_multiple: str = Field("1", description="Of calls that go first: fast mode, priority")
    region_multiple: str = Field("1.1", description="Of calls that stay in the US")
    currency: str = "USD"
    max_output: int | None = Field(
        None, strict=True, description="Reserved for calls that name no max_tokens"
    )
    priced_on: date | None = None
    source: str = ""


class PriceOut(Schema):
    model: str
    provider: str
    input: str
    output: str
    cache_read: str | None
    cache_write_5m: str | None
    cache_write_1h: str | None
    web_search: str
    batch_multiple: str
    fast_multiple: str
    region_multiple: str
    currency: str
    max_output: int | None
    priced_on: date | None
    source: str


class PriceListOut(Schema):
    data: list[PriceOut]


class ListIn(Schema):
    model: str = Field("", description="Contained in the model's name")


class KeyIn(Schema):
    provider: str = ""


class DeletedOut(Schema):
    deleted: str


@router.get("", response=PriceListOut, summary="List prices")
def listing(request: HttpRequest, filters: Query[ListIn]) -> dict[str, Any]:
    return {"data": [presenting.price(row) for row in services.find(filters.model)]}


@router.post("", response=PriceOut, summary="Set the price of a model")
def put(request: HttpRequest, given: PriceIn) -> dict[str, Any]:
    """Make the row, or change what is given. Obeyed by every running process within a second."""
    row = services.put(principal=of_request(request), **given.dict(exclude_unset=True))
    return presenting.price(row)


@router.delete("/{path:model}", response=DeletedOut, summary="Remove the price of a model")
def delete(request: HttpRequest, model: str, key: Query[KeyIn]) -> dict[str, str]:
    services.delete(model, key.provider, principal=of_request(request))
    return {"deleted": model}
