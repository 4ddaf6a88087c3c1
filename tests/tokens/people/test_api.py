"""People over HTTP: the shapes of answers, and what each mistake is told."""

from __future__ import annotations

import json
from typing import Any

import pytest
from django.test import Client

from gateway.access import guards
from tests.principals import SOMEBODY
from tests.sign_ins import sign_in
from tokens.people import services

pytestmark = pytest.mark.django_db
KEY = "admin-key-of-this-test"
ANN = "/api/people/ann@example.org"
LIMITS = {
    "max_requests": None, "requests_per_minute": None, "input_tokens_per_minute": None,
    "output_tokens_per_minute": None, "max_parallel_requests": None, "budget": None, "budget_currency": None,
    "budget_period": None, "budget_soft_percent": None, "allowed_models": [], "allowed_surfaces": [],
}  # fmt: skip


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


def test_the_life_of_a_person(ask: Any) -> None:
    ask("post", "/api/groups", {"name": "late", "priority": 900})
    ask("post", "/api/groups", {"name": "dev", "member_budget": "50", "member_budget_period": "month"})
    status, made = ask(
        "post",
        "/api/people",
        {"email": "Ann@example.org", "password": "correct horse battery", "groups": ["late", "dev"]},
    )
    assert status == 200
    assert made == {
        "email": "ann@example.org", "name": "", "active": True, "is_staff": False, "role": None,
        "groups": ["dev", "late"], "source": "local", **LIMITS,
    }  # fmt: skip
    older, token = sign_in(services.get("ann@example.org")), sign_in(services.get("ann@example.org"))
    older.sign_in.__class__.objects.filter(pk=older.sign_in.pk).update(started_at=5)
    status, shown = ask("get", ANN)
    assert status == 200
    assert set(shown) == {*made, "usage", "sign_ins", "totp"}
    assert shown["usage"] == {
        "budget": {"spent": "0", "remaining": "50", "resets_at": shown["usage"]["budget"]["resets_at"]}
    }
    assert isinstance(shown["usage"]["budget"]["resets_at"], int)
    assert [row["id"] for row in shown["sign_ins"]] == [str(token.sign_in.id), str(older.sign_in.id)]
    assert shown["sign_ins"][0] == {
        "id": str(token.sign_in.id), "surface": "claude_code", "client": "claude-code/2.1.332",
        "started_at": token.sign_in.started_at, "last_used_at": None, "expires_at": token.sign_in.ends_at,
    }  # fmt: skip
    assert ask("get", "/api/people") == (200, {"data": [made], "has_more": False, "next_after": None})
    changed = {**made, "budget": "7.5", "budget_currency": "USD", "budget_period": "day"}
    assert ask("patch", ANN, {"budget": "7.50", "budget_period": "day"}) == (200, changed)
    assert ask("post", f"{ANN}/sign-out") == (200, {"signed_out": 2})
    assert ask("get", ANN)[1]["sign_ins"] == []
    assert ask("patch", ANN, {"active": False})[1]["active"] is False
    assert ask("delete", ANN) == (200, {"deleted": "ann@example.org"})
    for method, path in (("get", ANN), ("delete", ANN), ("post", f"{ANN}/sign-out")):
        assert ask(method, path)[0] == 404
    assert ask("patch", ANN, {})[0] == 404


def test_who_has_no_cap_has_no_balance(ask: Any) -> None:
    ask("post", "/api/people", {"email": "ann@example.org"})
    assert ask("get", ANN)[1]["usage"] == {"budget": None}


@pytest.mark.parametrize(
    ("body", "status", "told"),
    [
        ({}, 400, "email: must be given"),
        ({"email": "x"}, 400, "email: must be an e-mail address"),
        ({"email": "b@example.org", "colour": 1}, 400, "colour: unknown field"),
        ({"email": "b@example.org", "active": True}, 400, "active: unknown field"),
        ({"email": "b@example.org", "principal": "x"}, 400, "principal: unknown field"),
        ({"email": "b@example.org", "groups": ["missing"]}, 400, "groups: no group with the name missing"),
        ({"email": "b@example.org", "password": "123"}, 400, "password: This password is too short"),
        ({"email": "ANN@example.org"}, 409, "There is a person with this address already"),
    ],
)
def test_what_is_wrong_is_told(ask: Any, body: object, status: int, told: str) -> None:
    ask("post", "/api/people", {"email": "ann@example.org"})
    answer = ask("post", "/api/people", body)
    assert (answer[0], answer[1]["error"]["message"][: len(told)]) == (status, told)


@pytest.mark.parametrize("body", [{"email": "b@example.org"}, {"source": "oidc"}, {"groups": ["missing"]}])
def test_a_change_of_what_can_not_be_changed(ask: Any, body: dict[str, object]) -> None:
    ask("post", "/api/people", {"email": "ann@example.org"})
    status, answer = ask("patch", ANN, body)
    assert status == 400 and answer["error"]["message"].startswith(f"{next(iter(body))}: ")


def test_nobody_without_the_key(client: Client, options: Any) -> None:
    options(TOKEN_ADMIN_KEY=KEY)
    guards.gate.cache_clear()
    assert client.get("/api/people").status_code == 401
    guards.gate.cache_clear()


def test_the_list_goes_by_portions(ask: Any) -> None:
    names = [f"p{number}@example.org" for number in range(5)]
    for name in reversed(names):
        services.add(name, principal=SOMEBODY)
    seen, after = list[str](), ""
    while True:
        status, told = ask("get", f"/api/people?limit=2{after}")
        assert status == 200 and len(told["data"]) <= 2
        seen += [row["email"] for row in told["data"]]
        if not told["has_more"]:
            break
        after = f"&after={told['next_after']}"
        services.remove(seen[0], principal=SOMEBODY) if len(seen) == 2 else None
    assert seen == names and told["next_after"] is None
    assert ask("get", "/api/people?after=nobody@example.org")[0] == 400
    assert ask("get", "/api/people?limit=0")[0] == 400 and ask("get", "/api/people?odd=1")[0] == 400
