"""The document's refusals against the API's own: what is answered is declared, in the declared form."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from typing import Any

import pytest
from django.contrib.auth.models import User
from django.test import Client
from ninja import Schema

from accounts import services as accounts
from gateway.access import guards
from gateway.api.management import api
from gateway.api.openapi import CONFLICTS, NAMED_ELSEWHERE
from gateway.urls import urlpatterns
from tests.principals import SOMEBODY
from tests.test_rules import APPS
from tokens import services
from tokens.groups import services as group_services

KEY = {"Authorization": "Bearer admin-key-of-this-test"}
Answered = tuple[int, Any]


@pytest.fixture(scope="module")
def paths() -> dict[str, Any]:
    assert urlpatterns  # importing it declares the surfaces
    found: dict[str, Any] = api.get_openapi_schema()["paths"]
    return found


@pytest.fixture(autouse=True)
def admin_key(options: Any) -> Iterator[None]:
    options(TOKEN_ADMIN_KEY="admin-key-of-this-test")
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


def test_every_reference_leads_to_a_schema() -> None:
    assert urlpatterns
    document = json.loads(json.dumps(api.get_openapi_schema()))
    wanted = set(re.findall(r'"\$ref": "([^"]*)"', json.dumps(document)))
    known = {f"#/components/schemas/{name}" for name in document["components"]["schemas"]}
    assert len(wanted) > 30 and wanted <= known
    assert "$defs" not in json.dumps(document["paths"])


def test_a_name_means_one_schema() -> None:
    """The document has a schema of each name once: the last of two that differ would stand for both."""
    found: dict[str, set[str]] = {}
    waiting = list(Schema.__subclasses__())
    while waiting:
        each = waiting.pop()
        waiting += each.__subclasses__()
        if each.__module__.partition(".")[0] in APPS and not each.__name__.endswith(("ListIn", "PageIn")):
            found.setdefault(each.__name__, set()).add(json.dumps(each.model_json_schema(), sort_keys=True))
    assert len(found) > 50
    assert [name for name, schemas in found.items() if len(schemas) > 1] == []


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
    accounts.sync_from_environment(principal=SOMEBODY)
    accounts.add({"name": "a", "source": "api_key", "secret": "k"}, principal=SOMEBODY)
    group_services.create("team", principal=SOMEBODY)
    services.issue(group="team", principal=SOMEBODY)
    revoked = services.issue(principal=SOMEBODY).token.id
    services.revoke(revoked, principal=SOMEBODY)
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


VALID: dict[str, dict[str, object]] = {
    "/api/tokens/revoke": {"id": "x"},
    "/api/groups": {"name": "surprised"},
    "/api/accounts": {"name": "surprised", "provider": "anthropic"},
    "/api/pool": {"strategy": ""},
    "/api/providers": {"name": "surprised", "base_url": "http://up.test/v1"},
    "/api/routes": {"model": "surprised", "provider": "anthropic"},
    "/api/prices": {"model": "surprised", "input": "1", "output": "1"},
}
"""What an operation takes, so that only the unknown field is wrong."""


@pytest.mark.django_db(transaction=True)
def test_unknown_fields_are_refused_by_name_everywhere(paths: dict[str, Any], client: Client) -> None:
    """A misspelt limit must not issue a token without one."""
    seen, wrong = 0, []
    for path, operations in paths.items():
        for method, operation in operations.items():
            if not path.startswith("/api/") or "requestBody" not in operation:
                continue
            body = {**VALID.get(path, {}), "budget_usd": 5}
            address = path.replace("{", "").replace("}", "")
            asked = getattr(client, method)
            answer = asked(address, json.dumps(body), content_type="application/json", headers=KEY)
            told = answer.json().get("error", {})
            if (answer.status_code, "budget_usd" in str(told)) != (400, True) and answer.status_code != 404:
                wrong.append((method, path, answer.status_code, told))
            seen += 1
    assert seen > 8 and not wrong
