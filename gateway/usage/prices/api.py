"""Management of prices over HTTP. Authentication and the mapping of errors are the gateway's."""

from __future__ import annotations

from datetime import date
from typing import Any

from django.http import HttpRequest
from ninja import Query, Router, Schema
from pydantic import ConfigDict, Field

from gateway.usage.prices import presenting, services

router = Router(tags=["prices"])


class PriceIn(Schema):
    """Prices are decimal strings per million tokens, with at most four decimals."""

    model_config = ConfigDict(extra="forbid")

    model: str = Field(description="A name, or a pattern such as claude-opus-*")
    provider: str = Field("", description="Empty: the price holds at every provider")
    input: str | None = None
    output: str | None = None
    cache_read: str | None = Field(None, description="As input when null")
    cache_write_5m: str | None = Field(None, description="As input when null")
    cache_write_1h: str | None = Field(None, description="As cache_write_5m when null")
    currency: str = "USD"
    max_output: int | None = Field(None, description="Reserved for calls that name no max_tokens")
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
    """Makes the row, or changes what is given. Obeyed by every running process within a second."""
    return presenting.price(services.put(**given.dict(exclude_unset=True)))


@router.delete("/{path:model}", response=DeletedOut, summary="Remove the price of a model")
def delete(request: HttpRequest, model: str, key: Query[KeyIn]) -> dict[str, str]:
    services.delete(model, key.provider)
    return {"deleted": model}
