from __future__ import annotations

import json
from typing import Any

import pytest
from django.test import Client

from gateway.access import guards

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


def test_a_price_over_http(ask: Any) -> None:
    status, made = ask("post", "/api/prices", {"model": "org/mine", "input": "1.50", "output": "6"})
    assert (status, made["input"], made["cache_read"], made["currency"]) == (200, "1.5", None, "USD")
    assert ask("post", "/api/prices", {"model": "org/mine", "cache_read": "0.1"})[1]["input"] == "1.5"
    status, listed = ask("get", "/api/prices?model=org/")
    assert [row["model"] for row in listed["data"]] == ["org/mine"]
    assert ask("delete", "/api/prices/org/mine") == (200, {"deleted": "org/mine"})
    assert ask("delete", "/api/prices/org/mine")[0] == 404


def test_what_can_not_be_is_named(ask: Any) -> None:
    status, told = ask("post", "/api/prices", {"model": "m", "input": "x", "output": "1"})
    assert (status, told["error"]["message"]) == (400, 'input: must be a decimal string such as "0.25"')
    assert ask("post", "/api/prices", {"model": "m", "inptu": "1"})[0] == 400


def test_only_administrators(client: Client, ask: Any) -> None:
    assert client.get("/api/prices").status_code == 401
