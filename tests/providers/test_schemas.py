"""The OpenAPI page says what the services take."""

from __future__ import annotations

from ninja import Schema

from providers import schemas
from providers.fields.validation import CHECKS
from providers.route_services import CHECKS as ROUTE_CHECKS


def fields(schema: type[Schema]) -> set[str]:
    return set(schema.model_json_schema()["properties"])


def test_every_field_is_described_and_none_beside() -> None:
    assert fields(schemas.ProviderIn) == set(CHECKS)
    assert fields(schemas.ProviderChange) == set(CHECKS) - {"name"}
    assert fields(schemas.RouteIn) == set(ROUTE_CHECKS)
    assert fields(schemas.RouteChange) == set(ROUTE_CHECKS) - {"model"}
