"""Query parameters of the management API that nobody knows: every path, before it does anything."""

from __future__ import annotations

import json
from typing import Any

import pytest
from django.test import Client
from ninja import Query, Schema

from gateway.access import guards
from gateway.api.management import api
from gateway.api.strict import parameters_of, without_unknown

KEY = "admin-key-of-this-test"


@pytest.fixture(autouse=True)
def admin_key(options: Any) -> Any:
    options(TOKEN_ADMIN_KEY=KEY)
    guards.gate.cache_clear()
    yield
    guards.gate.cache_clear()


BODIES = {"POST": {}, "PATCH": {}, "PUT": {}}
OPERATIONS = [
    (method.upper(), path)
    for path, methods in api.get_openapi_schema()["paths"].items()
    if path.startswith("/api/") and not path.startswith(("/api/hello", "/api/event_logging", "/api/oauth"))
    for method in methods
]


@pytest.mark.django_db
@pytest.mark.parametrize(("method", "path"), OPERATIONS)
def test_no_operation_does_anything_with_an_unknown_parameter(client: Client, method: str, path: str) -> None:
    asked = path.replace("{", "").replace("}", "")
    headers = {"Authorization": f"Bearer {KEY}"}
    answer = client.generic(
        method, f"{asked}?stat=active", json.dumps({}), "application/json", headers=headers
    )
    told = json.loads(answer.content)["error"]
    if answer.status_code == 400 and not told["message"].startswith("stat:"):
        return  # its body was refused first
    assert answer.status_code == 400 and told["type"] == "invalid_request_error", (path, answer.content)
    unknown = client.generic(method, f"{asked}?stat=active", "{}", "application/json")
    assert unknown.status_code == 401


@pytest.mark.django_db
def test_what_is_known_is_named(client: Client) -> None:
    headers = {"Authorization": f"Bearer {KEY}"}
    answer = client.get("/api/prices?modle=claude", headers=headers)
    assert json.loads(answer.content)["error"]["message"] == "modle: unknown parameter; known are model"
    assert client.get("/api/prices?model=claude", headers=headers).status_code == 200


NAMED = [
    (path, parameter["name"])
    for path, methods in api.get_openapi_schema()["paths"].items()
    for parameter in methods.get("get", {}).get("parameters", ())
    if parameter["in"] == "query"
]


@pytest.mark.django_db
@pytest.mark.parametrize(("path", "name"), NAMED)
def test_what_the_description_names_is_known(client: Client, path: str, name: str) -> None:
    asked = path.replace("{", "").replace("}", "")
    answer = client.get(f"{asked}?{name}=1", headers={"Authorization": f"Bearer {KEY}"})
    assert b"unknown parameter" not in answer.content


class Filters(Schema):
    state: str = ""


class Body(Schema):
    name: str


def test_parameters_are_those_of_the_query_alone() -> None:
    def view(request: object, body: Body, place: str, filters: Query[Filters]) -> None: ...

    view.__annotations__ = {"body": Body, "place": str, "filters": Query[Filters]}
    assert parameters_of(view) == {"state"}


def test_surfaces_pass_on_what_they_are_given() -> None:
    async def surface(request: object) -> None: ...

    assert without_unknown(surface) is surface
