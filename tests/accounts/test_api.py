"""The management API over its router: answers, and what raises what."""

from __future__ import annotations

from typing import Any

import pytest

from accounts.api import pool_router, router
from accounts.errors import AccountExists, BadAccount, UnknownAccount
from tests.asking import SomebodysClient

pytestmark = pytest.mark.django_db(transaction=True)
CANARY = "sk-ant-api03-canary"
client = SomebodysClient(router)
pool = SomebodysClient(pool_router)


def add(**values: Any) -> Any:
    return client.post("", json={"name": "one", "source": "api_key", "secret": CANARY, **values})


def test_add_show_change_list_remove() -> None:
    answer = add(weight=2)
    assert answer.status_code == 201
    assert (answer.json()["name"], answer.json()["weight"], answer.json()["state"]) == ("one", 2, "ready")
    assert client.get("/one").json() == answer.json()
    assert client.patch("/one", json={"priority": 3}).json()["priority"] == 3
    assert [one["name"] for one in client.get("").json()["data"]] == ["one"]
    assert client.delete("/one").json() == {"removed": "one"}
    assert client.get("").json() == {"data": []}


def test_no_answer_holds_a_secret() -> None:
    add(proxy="http://user:proxy-canary@h:1")
    for answer in (client.get(""), client.get("/one"), client.patch("/one", json={"secret": CANARY + "2"})):
        assert "canary" not in answer.content.decode()


def test_pause_resume_clear() -> None:
    add()
    assert client.post("/one/pause").json()["state"] == "paused"
    assert client.post("/one/resume").json()["state"] == "ready"
    assert client.post("/one/clear").json()["cooldowns"] == []


def test_what_is_raised_for_the_gateway_to_map() -> None:
    add()
    with pytest.raises(AccountExists):
        add()
    with pytest.raises(BadAccount):
        client.patch("/one", json={"weight": 0})
    for path in ("/nobody/pause", "/nobody/test"):
        with pytest.raises(UnknownAccount):
            client.post(path)
    with pytest.raises(UnknownAccount):
        client.get("/nobody")


def test_the_strategy_is_shown_changed_and_given_back_to_the_setting() -> None:
    configured = {"strategy": "round-robin", "setting": "round-robin", "is_changed": False}
    assert pool.get("").json() == configured
    changed = pool.patch("", json={"strategy": "priority"}).json()
    assert (
        changed
        == {"strategy": "priority", "setting": "round-robin", "is_changed": True}
        == pool.get("").json()
    )
    assert pool.patch("", json={"strategy": ""}).json() == configured
    with pytest.raises(BadAccount):
        pool.patch("", json={"strategy": "coin"})
