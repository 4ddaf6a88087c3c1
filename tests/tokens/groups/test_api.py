from __future__ import annotations

import json
from typing import Any

import pytest
from django.test import Client

from gateway.access import guards
from tests.principals import SOMEBODY
from tokens import services

pytestmark = pytest.mark.django_db
KEY = "admin-key-of-this-test"


@pytest.fixture
def ask(options: Any, client: Client) -> Any:
    options(TOKEN_ADMIN_KEY=KEY)
    guards.gate.cache_clear()

    def asked(method: str, path: str, body: object = None) -> tuple[int, Any]:
        given = {} if body is None else {"data": json.dumps(body), "content_type": "application/json"}
        answer = getattr(client, method)(path, headers={"Authorization": f"Bearer {KEY}"}, **given)
        return answer.status_code, json.loads(answer.content)

    yield asked
    guards.gate.cache_clear()


def test_groups_over_http(ask: Any) -> None:
    assert ask("post", "/api/groups", {"name": "company", "budget": "100"})[0] == 200
    status, team = ask("post", "/api/groups", {"name": "team", "parent": "company", "max_requests": 5})
    assert (status, team["parent"], team["max_requests"], team["budget"], team["tokens"]) == (
        200,
        "company",
        5,
        None,
        0,
    )
    token = services.issue(group="team", principal=SOMEBODY).token
    status, shown = ask("get", "/api/groups/team")
    assert (status, shown["tokens"], shown["usage"]["requests"]) == (200, 1, 0)
    status, changed = ask("patch", "/api/groups/team", {"max_requests": None, "name": "crew"})
    assert (status, changed["name"], changed["max_requests"]) == (200, "crew", None)
    assert [row["name"] for row in ask("get", "/api/groups")[1]["data"]] == ["company", "crew"]
    assert ask("delete", "/api/groups/crew")[0] == 409
    services.change(token.id, group=None, principal=SOMEBODY)
    assert ask("delete", "/api/groups/crew") == (200, {"deleted": "crew"})
    assert ask("get", "/api/groups/crew")[0] == 404


@pytest.mark.parametrize(
    ("body", "told"),
    [
        ({}, "name: must be given"),
        ({"name": ""}, "name: must not be empty"),
        ({"name": "a", "parent": "nobody"}, "parent: no group with this name"),
        ({"name": "a", "max_requests": "5"}, "max_requests: must be an integer"),
        ({"name": "a", "account": "x"}, "account: unknown field"),
    ],
)
def test_a_wrong_field_is_named(ask: Any, body: object, told: str) -> None:
    status, answer = ask("post", "/api/groups", body)
    assert (status, answer["error"]["message"]) == (400, told)


def test_a_change_can_not_name_another_group(ask: Any) -> None:
    ask("post", "/api/groups", {"name": "a"})
    assert ask("patch", "/api/groups/a", {"group_name": "b"})[0] == 400


def test_only_administrators(client: Client, ask: Any) -> None:
    assert client.get("/api/groups").status_code == 401
