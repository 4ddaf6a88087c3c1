"""The document's refusals against the API's own: what is answered is declared, in the declared form."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import pytest
from django.contrib.auth.models import User
from django.test import Client

from accounts import services as accounts
from gateway import guards
from gateway.api import api
from gateway.openapi import CONFLICTS, NAMED_ELSEWHERE
from gateway.urls import urlpatterns
from tokens import group_services, services

KEY = {"Authorization": "Bearer admin-key-of-this-test"}
Answered = tuple[int, Any]


@pytest.fixture(scope="module")
def paths() -> dict[str, Any]:
    assert urlpatterns  # importing it declares the surfaces
    found: dict[str, Any] = api.get_openapi_schema()["paths"]
    return found


@pytest.fixture(autouse=True)
def admin_key(settings: Any) -> Iterator[None]:
    settings.TOKEN_ADMIN_KEY = "admin-key-of-this-test"
    guards.gate.cache_clear()
    yield
    guards.gate.cache_clear()


def test_every_management_operation_tells_its_refusals(paths: dict[str, Any]) -> None:
    seen = 0
    for path, operations in paths.items():
        for method, operation in operations.items():
            declared = set(operation["responses"])
            if not path.startswith("/api/") or {"AdminAuth": []} not in operation.get("security", ()):
                assert 409 not in declared
                continue
            seen += 1
            assert {401, 403, 429} < declared, (method, path)
            assert ("requestBody" in operation) == ({400, 413, 415} <= declared), (method, path)
            assert "{" not in path or 404 in declared, (method, path)
    assert seen > 35


def test_the_exceptions_are_operations(paths: dict[str, Any]) -> None:
    assert all(method in paths[path] for method, path in [*CONFLICTS, *NAMED_ELSEWHERE])


@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize(
    ("method", "path", "target", "body", "status"),
    [
        ("post", "/api/accounts", "/api/accounts", {"name": "x"}, 400),
        ("post", "/api/accounts", "/api/accounts", b"{", 400),
        ("post", "/api/accounts", "/api/accounts", {"name": "a", "source": "api_key", "secret": "k"}, 409),
        ("patch", "/api/accounts/{name}", "/api/accounts/nobody", {"weight": 2}, 404),
        ("patch", "/api/accounts/{name}", "/api/accounts/primary", {"location": "/x"}, 409),
        ("delete", "/api/accounts/{name}", "/api/accounts/primary", None, 409),
        ("post", "/api/accounts/{name}/clear", "/api/accounts/nobody/clear", None, 404),
        ("patch", "/api/pool", "/api/pool", {"strategy": "by-luck"}, 400),
        ("get", "/api/tokens/list", "/api/tokens/list?limit=many", None, 400),
        ("post", "/api/tokens/revoke", "/api/tokens/revoke", {"id": "nobody"}, 404),
        ("post", "/api/tokens/{token_id}/rotate", "/api/tokens/{revoked}/rotate", {}, 409),
        ("delete", "/api/groups/{name}", "/api/groups/team", None, 409),
        ("post", "/api/providers", "/api/providers", {"name": "p"}, 400),
        ("post", "/api/providers/{name}/clear", "/api/providers/nobody/clear", None, 404),
        ("get", "/api/routes/{model}", "/api/routes/nobody", None, 404),
        ("delete", "/api/prices/{model}", "/api/prices/nobody", None, 404),
    ],
    ids=str,
)
def test_what_is_answered_is_declared(
    client: Client, paths: dict[str, Any], method: str, path: str, target: str, body: Any, status: int
) -> None:
    accounts.sync_from_environment()
    accounts.add({"name": "a", "source": "api_key", "secret": "k"})
    group_services.create("team")
    services.issue(group="team")
    revoked = services.issue().token.id
    services.revoke(revoked)
    raw = body if isinstance(body, bytes) else b"" if body is None else json.dumps(body).encode()
    target = target.replace("{revoked}", revoked)
    answer = client.generic(method.upper(), target, raw, content_type="application/json", headers=KEY)
    assert answer.status_code == status, answer.content
    assert_declared(paths[path][method], answer)


@pytest.mark.django_db
def test_what_the_gate_and_the_parser_answer_is_declared(client: Client, paths: dict[str, Any]) -> None:
    add = paths["/api/accounts"]["post"]
    assert_declared(add, client.post("/api/accounts", {}, content_type="application/json"), 401)
    plain = client.generic("POST", "/api/accounts", b"{}", content_type="text/plain", headers=KEY)
    assert_declared(add, plain, 415)
    staff = Client(enforce_csrf_checks=True)
    staff.force_login(User.objects.create_user("staff", is_staff=True))
    assert_declared(add, staff.post("/api/accounts", {}, content_type="application/json"), 403)


def assert_declared(operation: dict[str, Any], answer: Any, status: int | None = None) -> None:
    assert status in (None, answer.status_code)
    declared = operation["responses"][answer.status_code]
    assert declared["content"]["application/json"]["schema"] == {"$ref": "#/components/schemas/Error"}
    schema = api.get_openapi_schema()["components"]["schemas"]["Error"]
    told = json.loads(answer.content)
    assert set(schema["required"]) <= set(told) <= set(schema["properties"])
    assert set(told["error"]) >= set(schema["properties"]["error"]["required"])
