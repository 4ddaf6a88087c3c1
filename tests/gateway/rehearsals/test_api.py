"""`/api/rehearsals`."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import pytest
from django.test import Client

from accounts.services import add
from gateway.access import guards
from tests.principals import SOMEBODY

pytestmark = pytest.mark.django_db
KEY = "admin-key-of-this-test"


@pytest.fixture(autouse=True)
def closed(options: Any) -> Iterator[None]:
    options(TOKEN_ADMIN_KEY=KEY)
    guards.gate.cache_clear()
    for name in ("a", "b"):
        add({"name": name, "source": "api_key", "secret": f"key-of-{name}-1"}, principal=SOMEBODY)
    yield
    guards.gate.cache_clear()


def ask(method: str, path: str = "", body: object = None) -> tuple[int, Any]:
    answer = Client().generic(
        method,
        f"/api/rehearsals{path}",
        "" if body is None else json.dumps(body),
        "application/json",
        headers={"Authorization": f"Bearer {KEY}"},
    )
    return answer.status_code, json.loads(answer.content)


def test_it_is_started_listed_and_ended() -> None:
    status, made = ask("POST", "", {"account": "a", "fault": "429", "calls": 3})
    assert status == 201 and (made["account"], made["provider"], made["fault"], made["left"]) == (
        "a",
        None,
        "429",
        3,
    )
    assert made["ends_at"] > made["started_at"]
    ask("POST", "", {"account": "b", "fault": "stall"})
    _, first = ask("GET", "?limit=1")
    assert first["data"][0]["account"] == "b" and first["has_more"]
    assert ask("GET", f"?after={first['next_after']}")[1]["data"] == [made]
    assert ask("DELETE", f"/{made['id']}") == (200, {"ended": made["id"]})
    assert ask("DELETE", f"/{made['id']}")[0] == 404
    assert [each["account"] for each in ask("GET")[1]["data"]] == ["b"]


def test_what_can_not_be_asked() -> None:
    status, told = ask("POST", "", {"account": "a", "fault": "teapot"})
    assert (status, told["field"], told["status"]) == (400, "fault", 400)
    assert ask("POST", "", {"account": "nobody", "fault": "429"})[0] == 404
    assert ask("POST", "", {"provider": "nobody", "fault": "429"})[0] == 404
    assert ask("GET", "?after=nobody")[1]["field"] == "after"
