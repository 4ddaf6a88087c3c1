"""Calls that name stored objects go where these live, and to nobody else's."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator
from dataclasses import replace
from typing import Any

import pytest

from accounts.pool.state import AccountState, Terms
from gateway.exchange.surfaces import SURFACES
from gateway.exchange.surfaces import Table as Table_
from gateway.objects.calls import Objects
from gateway.objects.store import ObjectStore
from gateway.relay.relay import Relay
from providers.catalog.records import OPENAI_COMPATIBLE, ProviderRecord, Route, RouteRecord
from providers.dialects.types import Target
from tests.accounts.building import key_loaded
from tests.gateway.objects.building import stored
from tests.gateway.objects.conftest import Table
from tests.gateway.relay.building import CLAUDE, KEY, OPENAI, TOKEN, Bench, bench
from tests.gateway.relay.scripted import ASK, CHAT_ANSWER, Script, answer, event, refusal, stream
from tokens.jwt.signing import Claims, sign

OTHER_TOKEN = sign(Claims("somebody", 1, 2**40), KEY)
NATIVE = ProviderRecord(
    "native", OPENAI_COMPATIBLE, "https://native.test/v1", models=("gpt-x",), responses="native"
)
RESPONSE = {
    "id": "resp_1",
    "object": "response",
    "status": "completed",
    "model": "gpt-x",
    "output": [{"type": "reasoning", "id": "rs_1"}],
}
FILE = {"type": "document", "source": {"type": "file", "file_id": "file_1"}}
WITH_FILE = {**ASK, "messages": [{"role": "user", "content": [FILE]}]}


@pytest.fixture
async def store(table: Table) -> AsyncIterator[ObjectStore]:
    made = ObjectStore()
    yield made
    await made.aclose()


def made(script: Script, store: ObjectStore, **more: Any) -> Bench:
    """Return a relay that keeps objects apart, over two accounts each of Anthropic and `native`."""
    built = bench(script, accounts=2, providers=(NATIVE, OPENAI), **more)
    states = [
        AccountState(10 + n, Terms(f"n{n}", "native", position=n), key_loaded(f"native-{n}"))
        for n in range(2)
    ]
    built.pool.install_states([*built.pool.states(), *states])

    def native_routes(provider: str) -> list[Route]:
        return [Route(CLAUDE, "anthropic", Target(model=None, provider=provider))]

    built.deps = replace(built.deps, objects=Objects(store, lambda request: "http://gw.test", native_routes))
    built.relay = Relay(built.deps)
    return built


def file_at(account: str, **more: Any) -> Any:
    return stored("file_1", provider="anthropic", account=account, owner="caller", **more)


async def test_a_call_that_names_a_file_goes_to_its_account(store: ObjectStore) -> None:
    await store.put(file_at("a1"))
    script = Script(answer(), answer(), answer())
    relay = made(script, store)
    for _ in range(3):
        await relay.call(WITH_FILE)
    assert script.credentials() == ["key-1"] * 3


async def test_no_other_account_is_tried_for_it(store: ObjectStore) -> None:
    await store.put(file_at("a1"))
    script = Script(refusal(529, "overloaded_error"))
    relay = made(script, store)
    await relay.call(WITH_FILE)
    assert relay.status == 529 and len(script.requests) == 1


@pytest.mark.parametrize("token", [OTHER_TOKEN])
async def test_anothers_file_is_not_there(store: ObjectStore, token: str) -> None:
    await store.put(file_at("a1"))
    relay = made(Script(), store)
    await relay.call(WITH_FILE, token=token)
    assert relay.status == 404 and b"messages.0.content.0.source.file_id: file_1 was not found" in relay.body


async def test_an_object_of_another_kind_is_not_the_one_that_is_named(store: ObjectStore) -> None:
    await store.put(file_at("a1", kind="batch"))
    relay = made(Script(), store)
    await relay.call(WITH_FILE)
    assert relay.status == 404


async def test_files_of_two_accounts_in_one_call_are_refused(store: ObjectStore) -> None:
    await store.put(file_at("a1"), stored("file_2", provider="anthropic", account="a0", owner="caller"))
    relay = made(Script(), store)
    both = [FILE, {"type": "container_upload", "file_id": "file_2"}]
    await relay.call({**ASK, "messages": [{"role": "user", "content": both}]})
    assert relay.status == 400 and b"messages.0.content.1.file_id" in relay.body


async def test_a_file_of_a_provider_that_does_not_serve_the_model(store: ObjectStore) -> None:
    await store.put(stored("file_1", provider="elsewhere", account="a", owner="caller"))
    relay = made(Script(), store)
    await relay.call(WITH_FILE)
    assert relay.status == 400 and b"lives at elsewhere" in relay.body


async def test_while_the_table_is_away_the_call_is_refused_for_a_moment(
    store: ObjectStore, table: Table
) -> None:
    table.is_away = True
    relay = made(Script(), store)
    await relay.call(WITH_FILE)
    assert relay.status == 503 and b"try again" in relay.body


async def test_a_plain_call_asks_nobody(store: ObjectStore, table: Table) -> None:
    relay = made(Script(answer()), store)
    await relay.call()
    assert relay.status == 200 and not table.questions and not table.writes


STARTED = {
    "id": "msg_1",
    "type": "message",
    "role": "assistant",
    "model": "claude-x",
    "content": [],
    "usage": {"input_tokens": 1, "output_tokens": 1},
}


async def test_a_container_is_in_the_table_before_its_id_leaves(store: ObjectStore, table: Table) -> None:
    container = {"id": "container_1", "expires_at": "2026-12-01T00:00:00Z"}
    ending = event(
        "message_delta", delta={"stop_reason": "end_turn", "container": container}, usage={"output_tokens": 2}
    )
    relay = made(
        Script(stream(event("message_start", message=STARTED), ending, event("message_stop"))), store
    )
    seen: list[bool] = []
    send = relay._send

    async def sending(message: Any) -> None:
        if b"container_1" in message.get("body", b""):
            seen.append("container_1" in table.rows)
        await send(message)

    relay._send = sending  # type: ignore[method-assign]
    await relay.call({**ASK, "stream": True})
    assert seen == [True]
    row = table.rows["container_1"]
    assert (row.kind, row.provider, row.account, row.owner) == ("container", "anthropic", "a0", "caller")


def respond(relay: Bench, **more: Any) -> Any:
    return relay.call(
        {"model": "gpt-x", "input": "hi", **more},
        surface="responses",
        **({"token": more.pop("token")} if "token" in more else {}),
    )


async def test_a_follow_up_goes_to_the_account_that_made_the_response(
    store: ObjectStore, table: Table
) -> None:
    script = Script(*(answer(body={**RESPONSE, "id": f"resp_{n}"}) for n in range(12)))
    relay = made(script, store)
    previous: dict[str, Any] = {}
    for turn in range(6):
        await relay.call({"model": "gpt-x", "input": f"hi {turn}", **previous}, surface="responses")
        previous = {"previous_response_id": f"resp_{turn}"}
    assert len(set(script.credentials())) == 1
    await relay.call(
        {"model": "gpt-x", "input": [{"type": "item_reference", "id": "rs_1"}]}, surface="responses"
    )
    assert len(set(script.credentials())) == 1


async def test_nobody_goes_on_from_anothers_response(store: ObjectStore) -> None:
    relay = made(Script(answer(body=RESPONSE)), store)
    await relay.call({"model": "gpt-x", "input": "hi"}, surface="responses")
    for named in ({"previous_response_id": "resp_1"}, {"input": [{"id": "rs_1"}]}):
        await relay.call({"model": "gpt-x", "input": "hi", **named}, surface="responses", token=OTHER_TOKEN)
        assert relay.status == 404
    assert json.loads(relay.body)["error"]["param"] == "input.0.id"


async def test_what_is_not_stored_is_not_remembered(store: ObjectStore, table: Table) -> None:
    relay = made(Script(answer(body={**RESPONSE, "store": False})), store)
    await relay.call({"model": "gpt-x", "input": "hi", "store": False}, surface="responses")
    assert not table.rows


async def test_a_response_of_a_translated_upstream_is_not_looked_for_at_a_native_one(
    store: ObjectStore,
) -> None:
    routes = [RouteRecord("gpt-x", (("native", "gpt-x"), ("other", "gpt-x")))]
    script = Script(refusal(529), refusal(529), answer(body=CHAT_ANSWER), answer(body=CHAT_ANSWER))
    relay = made(script, store, routes=routes)
    await relay.call({"model": "gpt-x", "input": "hi"}, surface="responses")
    assert relay.status == 200, relay.body
    name = json.loads(relay.body)["id"]
    await relay.call({"model": "gpt-x", "input": "go on", "previous_response_id": name}, surface="responses")
    assert relay.status == 200 and script.requests[-1].url.host == "other.test"


async def test_sealed_reasoning_goes_back_to_the_account_that_sealed_it(store: ObjectStore) -> None:
    sealed = {"type": "reasoning", "id": "rs_1", "encrypted_content": "gAAA", "summary": []}
    script = Script(*(answer(body={**RESPONSE, "store": False, "output": [sealed]}) for _ in range(24)))
    relay = made(script, store)
    for number in range(12):
        await relay.call({"model": "gpt-x", "input": f"hi {number}", "store": False}, surface="responses")
        history = [{"role": "user", "content": f"hi {number}"}, sealed, {"role": "user", "content": "go on"}]
        await relay.call({"model": "gpt-x", "input": history, "store": False}, surface="responses")
    keys = script.credentials()
    assert keys[::2] == keys[1::2] and len(set(keys)) == 2


# Stored responses of a provider that keeps them itself.


async def fetch(built: Bench, method: str, below: str = "", token: str = TOKEN) -> int:
    """Return the status of a call about the response that `native` keeps."""
    match = Table_(SURFACES).match(method, f"/v1/responses/resp_1{below}".encode())
    assert match is not None
    await built.call(b"", token=token, match=match, method=method)
    return built.status


async def test_a_response_is_read_and_deleted_where_it_was_made(store: ObjectStore) -> None:
    gone = {"id": "resp_1", "object": "response", "deleted": True}
    built = made(Script(*[answer(200, one) for one in (RESPONSE, RESPONSE, {"data": []}, gone)]), store)
    await built.call({"model": "gpt-x", "input": "hi"}, "responses")
    assert [await fetch(built, "GET"), await fetch(built, "GET", "/input_items")] == [200, 200]
    assert await fetch(built, "DELETE") == 200
    made_by, *others = built.script.credentials()
    assert others == [made_by] * 3
    assert [(one.method, one.extensions["target"].decode()) for one in built.script.requests[1:]] == [
        ("GET", "/v1/responses/resp_1"), ("GET", "/v1/responses/resp_1/input_items"),
        ("DELETE", "/v1/responses/resp_1"),
    ]  # fmt: skip
    assert await fetch(built, "GET") == 404


async def test_another_token_s_response_is_not_there(store: ObjectStore) -> None:
    built = made(Script(answer(200, RESPONSE)), store)
    await built.call({"model": "gpt-x", "input": "hi"}, "responses")
    for method, below in (("GET", ""), ("DELETE", ""), ("GET", "/input_items"), ("POST", "/cancel")):
        assert await fetch(built, method, below, OTHER_TOKEN) == 404
        assert json.loads(built.body)["error"]["param"] is None
    assert len(built.script.requests) == 1
