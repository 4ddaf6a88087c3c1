"""Policies over HTTP."""

from __future__ import annotations

import json
from typing import Any

import pytest
from django.test import Client

from gateway.access import guards
from tests.principals import SOMEBODY
from tokens.groups import services as groups

pytestmark = pytest.mark.django_db
KEY = "admin-key-of-this-test"


@pytest.fixture
def ask(options: Any, client: Client) -> Any:
    options(TOKEN_ADMIN_KEY=KEY)
    guards.gate.cache_clear()

    def asked(method: str, path: str, body: object = None, key: str = KEY) -> tuple[int, Any]:
        given = {} if body is None else {"data": json.dumps(body), "content_type": "application/json"}
        answer = getattr(client, method)(path, headers={"Authorization": f"Bearer {key}"}, **given)
        return answer.status_code, json.loads(answer.content)

    yield asked
    guards.gate.cache_clear()


def test_policies_over_http(ask: Any) -> None:
    groups.create("dev team", principal=SOMEBODY)
    status, made = ask("put", "/api/policies/dev team", {"settings": {"modle": "x", "model": "y"}})
    assert (status, made["group"], made["settings"]) == (200, "dev team", {"modle": "x", "model": "y"})
    assert made["checksum"].startswith("sha256:") and "modle" in made["warnings"][0]
    assert ask("put", "/api/policies/*", {"settings": {}})[1]["warnings"] == []
    assert ask("get", "/api/policies/dev team") == (200, made)
    assert [row["group"] for row in ask("get", "/api/policies")[1]["data"]] == ["*", "dev team"]
    assert ask("delete", "/api/policies/*") == (200, {"deleted": "*"})
    assert ask("get", "/api/policies/*")[0] == 404 and ask("get", "/api/policies/nope")[0] == 404


def test_a_group_with_a_slash_in_its_name(ask: Any) -> None:
    groups.create("eu/dev", principal=SOMEBODY)
    assert ask("put", "/api/policies/eu/dev", {"settings": {}})[1]["group"] == "eu/dev"
    assert ask("get", "/api/policies/eu/dev")[1]["group"] == "eu/dev"
    assert ask("delete", "/api/policies/eu/dev") == (200, {"deleted": "eu/dev"})
    assert ask("get", "/api/groups/eu/dev")[1]["name"] == "eu/dev"
    assert ask("patch", "/api/groups/eu/dev", {"priority": 7})[1]["priority"] == 7
    assert ask("delete", "/api/groups/eu/dev") == (200, {"deleted": "eu/dev"})
    assert ask("get", "/api/groups/eu/dev")[0] == 404


@pytest.mark.parametrize(
    ("body", "named"),
    [
        ({}, "settings"),
        ({"settings": []}, "settings"),
        ({"settings": {"env": {"A": 1}}}, "settings.env"),
        ({"settings": {}, "name": "x"}, "name"),
    ],
)
def test_what_is_wrong_is_named(ask: Any, body: dict[str, Any], named: str) -> None:
    status, answer = ask("put", "/api/policies/*", body)
    assert status == 400 and answer["error"]["message"].startswith(f"{named}:")


def test_nobody_else_may(ask: Any) -> None:
    assert ask("get", "/api/policies", key="other")[0] == 401
    assert ask("put", "/api/policies/*", {"settings": {}}, key="other")[0] == 401
