"""The management API over its routers: the reference's shapes, and what raises what."""

from __future__ import annotations

import time
from typing import Any

import pytest

from accounts.pool.pool import Pool
from providers.api import router, routes
from providers.drivers.base import Scope
from providers.errors import BadProvider, BadRoute, NoRoute, UnknownProvider, UnknownRoute
from tests.accounts.building import OWN, call, limit
from tests.asking import SomebodysClient
from tests.fakes.openai_vendor import KEY, OpenAiVendor

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.usefixtures("data_dir")]
client, route_client = SomebodysClient(router), SomebodysClient(routes)


def add(**values: Any) -> Any:
    return client.post("", json={"name": "litellm", "base_url": "http://litellm:4000/v1", **values})


def test_the_references_record() -> None:
    answer = add(
        default_model="claude-sonnet", models=["claude-sonnet", "gpt-4o"], api_key_env="LITELLM_MASTER_KEY"
    )
    assert answer.status_code == 200
    assert answer.content.decode() == (
        '{"name": "litellm", "kind": "open-a-i-compatible", "base_url": "http://litellm:4000/v1", '
        '"default_model": "claude-sonnet", "models": ["claude-sonnet", "gpt-4o"], '
        '"api_key_env": "LITELLM_MASTER_KEY", "has_encrypted_api_key": false, "enabled": true}'
    )
    assert client.get("/litellm").json() == answer.json()
    assert client.get("").json() == {"data": [answer.json()]}
    assert client.delete("/litellm").json() == {"deleted": "litellm"}
    assert client.get("").json() == {"data": []}


@pytest.mark.parametrize("kind", ["openai-compatible", "open-a-i-compatible", None])
def test_both_spellings_are_taken_and_one_is_shown(kind: str | None) -> None:
    assert add(kind=kind).json()["kind"] == "open-a-i-compatible"


def test_keys_go_in_and_never_out() -> None:
    add(api_key="CANARY", headers={"x-a": "CANARY"})
    for answer in (
        client.get(""),
        client.get("/litellm"),
        add(),
        client.patch("/litellm", json={"priority": 1}),
    ):
        text = answer.content.decode()
        assert "CANARY" not in text and "gcm1" not in text
    assert client.get("/litellm").json()["has_encrypted_api_key"] is True
    assert client.patch("/litellm", json={"api_key": None}).json()["has_encrypted_api_key"] is False


def test_what_is_raised_for_the_gateway_to_map() -> None:
    for bad in ({"name": ""}, {"name": None}, {"base_url": None}, {"base_url": "u"}, {"models": "a"}):
        with pytest.raises(BadProvider):
            add(**bad)
    for ask in (client.get, client.delete):
        with pytest.raises(UnknownProvider, match=r"^provider not found$"):
            ask("/nobody")
    with pytest.raises(UnknownProvider):
        client.patch("/nobody", json={})
    with pytest.raises(UnknownRoute):
        route_client.get("/nobody")


def test_a_connection_is_tested() -> None:
    with OpenAiVendor() as vendor:
        add(base_url=f"{vendor.url}/v1", api_key=KEY)
        answer = client.post("/litellm/test").json()
        assert (answer["ok"], answer["status"], answer["models"]) == (True, 200, ["gpt-test"])
        client.patch("/litellm", json={"api_key": "wrong"})
        answer = client.post("/litellm/test").json()
        assert (answer["ok"], answer["status"]) == (False, 401) and "wrong" not in str(answer)


def test_routes() -> None:
    made = route_client.post("", json={"model": "or/*", "provider": "litellm", "upstream_model": "*"})
    assert made.status_code == 200 and made.json()["listed"] is True
    assert route_client.get("/or/*").json() == made.json()
    assert route_client.patch("/or/*", json={"priority": 3}).json()["priority"] == 3
    assert [row["model"] for row in route_client.get("").json()["data"]] == ["or/*"]
    assert route_client.delete("/or/*").json() == {"deleted": "or/*"}
    with pytest.raises(BadRoute):
        route_client.post("", json={"model": "m"})


def test_the_chain_of_a_call() -> None:
    add(responses="auto")
    route_client.post(
        "",
        json={
            "model": "m",
            "provider": "litellm",
            "fallbacks": [{"provider": "anthropic", "model": "claude-x"}],
        },
    )
    told = route_client.get("/test?model=m&surface=responses").json()
    assert [
        (step["provider"], step["dialect"], step["model"], step["is_probe"]) for step in told["chain"]
    ] == [
        ("litellm", "openai_responses", "m", True),
        ("litellm", "openai_chat", "m", False),
        ("anthropic", "anthropic", "claude-x", False),
    ]
    assert {step["reason"] for step in told["chain"]} == {"route m"}
    with pytest.raises(BadRoute):
        route_client.get("/test?model=m&surface=nothing")
    client.post(
        "", json={"name": "anthropic", "kind": "anthropic", "base_url": "https://a", "enabled": False}
    )
    with pytest.raises(NoRoute):
        route_client.get("/test?model=claude-x")


def test_a_provider_that_rests_says_so_until_it_is_cleared(serving: Pool) -> None:
    add()
    call(serving, limit(Scope.ACCOUNT, 60, time.time()), provider="litellm", own=OWN)
    shown = client.get("/litellm").json()["condition"]
    assert (shown["state"], shown["reason"]) == ("cooling", "upstream returned 429")
    assert 59 < shown["until"] - time.time() < 64  # up to 5 % at random
    assert client.get("").json()["data"][0]["condition"] == shown
    serving.clear_provider("litellm")
    assert "condition" not in client.get("/litellm").json()


def test_a_provider_is_cleared() -> None:
    add()
    assert client.post("/litellm/clear").json() == {"cleared": "litellm"}
    with pytest.raises(UnknownProvider):
        client.post("/nobody/clear")
