"""Asking a provider for its models: good answers, refusals, silence, redirects."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from providers import services
from providers.credentials.secp256k1 import signer
from providers.errors import UnknownProvider
from providers.probing import probe
from tests.fakes.gonka_node import KEY as PRIVATE_KEY
from tests.fakes.gonka_node import MODEL, GonkaNode, verifying_key
from tests.fakes.openai_vendor import KEY, OpenAiVendor
from tests.fakes.server import Answer
from tests.principals import SOMEBODY

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.usefixtures("data_dir")]


def test_the_models_are_told() -> None:
    with OpenAiVendor() as vendor:
        vendor.models = ["b", "a"]
        services.upsert(
            {"name": "p", "base_url": vendor.url, "api_key": KEY, "headers": {"x-a": "b"}}, principal=SOMEBODY
        )
        result = probe("p", principal=SOMEBODY)
        assert (result.is_ok, result.status, result.models) == (True, 200, ("b", "a"))
        assert (vendor.last.target, vendor.last.get("x-a")) == (b"/v1/models", b"b")
        assert vendor.last.get("host") == f"127.0.0.1:{vendor.port}".encode()


def test_what_is_no_list_is_no_success() -> None:
    with OpenAiVendor() as vendor:
        services.upsert({"name": "p", "base_url": vendor.url, "api_key": "wrong"}, principal=SOMEBODY)
        assert probe("p", principal=SOMEBODY).status == 401
        services.change("p", {"api_key": KEY}, principal=SOMEBODY)
        vendor.say(Answer(302, [("location", vendor.url)], [b""]), Answer(200, [], [b"<html>"]))
        assert [(probe("p", principal=SOMEBODY).is_ok, len(vendor.seen)) for _ in range(2)] == [
            (False, 2),
            (False, 3),
        ]


def test_silence_and_missing_keys_are_told() -> None:
    services.upsert({"name": "p", "base_url": "http://127.0.0.1:1"}, principal=SOMEBODY)
    away = probe("p", principal=SOMEBODY)
    assert (away.status, away.message, away.told) == (
        None,
        "no answer: ConnectError",
        "no answer: ConnectError",
    )
    services.upsert({"name": "q", "kind": "anthropic", "base_url": "http://127.0.0.1:1"}, principal=SOMEBODY)
    assert "no key of its own" in probe("q", principal=SOMEBODY).message
    row = {"name": "own", "base_url": "http://127.0.0.1:1", "kind": "anthropic", "login": "caller"}
    services.upsert(row, principal=SOMEBODY)
    assert "callers bring their own login" in probe("own", principal=SOMEBODY).message
    services.upsert(
        {"name": "r", "base_url": "http://127.0.0.1:1", "encrypted_api_key": "garbage"}, principal=SOMEBODY
    )
    assert "does not open" in probe("r", principal=SOMEBODY).message
    with pytest.raises(UnknownProvider):
        probe("nobody", principal=SOMEBODY)


@pytest.fixture
def node(options: Any) -> Iterator[GonkaNode]:
    options(EGRESS_ALLOWED_NETWORKS=("127.0.0.0/8",))
    with GonkaNode("gonka1node", {signer(PRIVATE_KEY).address: verifying_key(PRIVATE_KEY)}) as one:
        yield one


def signed(node: GonkaNode, key: str) -> None:
    values = {
        "name": "g",
        "kind": "gonka",
        "base_url": node.url,
        "api_key": key,
        "options": {"mode": "signed"},
    }
    services.upsert(values, principal=SOMEBODY)


def test_a_private_key_is_tried_with_a_call_for_one_token(node: GonkaNode) -> None:
    signed(node, PRIVATE_KEY)
    result = probe("g", principal=SOMEBODY)
    assert (result.is_ok, result.status, result.models[0]) == (True, 200, MODEL)
    [seen] = node.verified
    assert b'"max_tokens":1' in seen.body


@pytest.mark.parametrize(
    ("status", "text", "words"),
    [(410, "Gone", "GONKA_BROKER_URL"), (400, "Request timestamp is too old", "clock"), (402, "", "balance")],
)
def test_what_is_wrong_with_it_is_told(node: GonkaNode, status: int, text: str, words: str) -> None:
    signed(node, PRIVATE_KEY)
    node.refuse(status, text, 9)
    result = probe("g", principal=SOMEBODY)
    assert not result.is_ok and words in result.message and result.models


def test_a_key_that_the_network_does_not_know_is_told_with_its_address(node: GonkaNode) -> None:
    signed(node, "77" * 32)
    message = probe("g", principal=SOMEBODY).message
    assert signer("77" * 32).address in message and "public key" in message and "77777" not in message


def test_a_key_of_a_variable_that_is_none_is_told(node: GonkaNode, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("NODE_KEY", "CANARY-no-key")
    services.upsert(
        {"name": "g", "kind": "gonka", "base_url": node.url, "api_key_env": "NODE_KEY", "options": {"mode": "signed"}},
        principal=SOMEBODY,
    )  # fmt: skip
    message = probe("g", principal=SOMEBODY).message
    assert "private key" in message and "CANARY" not in message and node.seen == []


def test_a_broker_that_shows_its_models_to_everybody_is_tried_too() -> None:
    with OpenAiVendor() as broker:
        services.upsert(
            {"name": "b", "kind": "gonka", "base_url": broker.url, "api_key": KEY}, principal=SOMEBODY
        )
        assert probe("b", principal=SOMEBODY).is_ok
        broker.say(
            broker.answer, Answer(401, [("content-type", "application/json")], [b'{"error":"no such key"}'])
        )
        message = probe("b", principal=SOMEBODY).message
        assert "no such key" in message and "GONKA_BROKER_API_KEY" in message
        services.change("b", {"api_key": "wrong"}, principal=SOMEBODY)
        assert probe("b", principal=SOMEBODY).status == 401  # no list, so no model to ask for
        services.change("b", {"default_model": "m"}, principal=SOMEBODY)
        assert "GONKA_BROKER_API_KEY" in probe("b", principal=SOMEBODY).message
