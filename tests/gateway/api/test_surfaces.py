"""The OpenAPI document names every surface, made from the one table."""

from typing import Any

import pytest

from gateway.api.management import api
from gateway.exchange.surfaces import SURFACES
from gateway.urls import urlpatterns


@pytest.fixture(scope="module")
def paths() -> dict[str, Any]:
    assert urlpatterns  # importing it declares the surfaces
    found: dict[str, Any] = api.get_openapi_schema()["paths"]
    return found


@pytest.mark.parametrize("row", SURFACES, ids=lambda row: f"{row.name} {row.path}")
def test_every_row_is_an_operation(paths: dict[str, Any], row: Any) -> None:
    operations = paths[row.path.replace("*", "{rest}")]
    assert {method.upper() for method in operations} >= set(row.methods)


def test_a_messages_call_has_its_schemas(paths: dict[str, Any]) -> None:
    operation = paths["/v1/messages"]["post"]
    schema = operation["requestBody"]["content"]["application/json"]["schema"]
    assert schema["required"] == ["model", "max_tokens", "messages"]
    assert set(operation["responses"][200]["content"]) == {"application/json", "text/event-stream"}
    assert operation["security"]
