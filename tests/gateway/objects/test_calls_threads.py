"""Message threads: pinned to the account that has them, found on every worker, never failed over, never translated."""

from __future__ import annotations

import json
import time
from collections.abc import AsyncIterator
from typing import Any

import pytest

from gateway.objects.records import Kind
from gateway.objects.store import ObjectStore
from providers.catalog.records import RouteRecord
from tests.gateway.objects.building import stored
from tests.gateway.objects.conftest import Table
from tests.gateway.objects.test_calls import OTHER_TOKEN, made
from tests.gateway.relay.building import Bench, bench
from tests.gateway.relay.scripted import (
    ASK,
    CHAT_ANSWER,
    DELTA,
    FINISHED,
    STARTED,
    Script,
    answer,
    refusal,
    stream,
)

CREATE: dict[str, Any] = {**ASK, "thread": {"type": "create"}}
CONTINUE: dict[str, Any] = {**ASK, "thread": {"type": "continue", "previous_message_id": "msg_1"}}


@pytest.fixture
async def store(table: Table) -> AsyncIterator[ObjectStore]:
    kept = ObjectStore()
    yield kept
    await kept.aclose()


def thread(account: str = "a1", **more: Any) -> Any:
    return stored("msg_1", kind=Kind.THREAD, account=account, owner="caller", **more)


def error(built: Bench) -> dict[str, Any]:
    told: dict[str, Any] = json.loads(built.body)["error"]
    return told


@pytest.mark.parametrize("is_stream", [True, False], ids=["stream", "whole"])
async def test_a_thread_is_remembered_with_its_context_and_gone_on_with_at_its_account(
    store: ObjectStore, table: Table, is_stream: bool
) -> None:
    first = stream(STARTED, DELTA, FINISHED) if is_stream else answer()
    script = Script(first, answer(), answer())
    built = made(script, store)
    await built.call({**CREATE, "stream": is_stream})
    owner = script.credentials()[0]
    await store.aclose()
    row = table.rows["msg_1"]
    assert (row.kind, row.tokens, row.owner) == (Kind.THREAD, 8, "caller") and row.expires_at is not None
    assert time.time() < row.expires_at < time.time() + 7200
    await built.call(ASK)  # the other account's turn
    other = ObjectStore()  # of another worker, after a restart
    elsewhere = made(Script(answer()), other)
    await elsewhere.call(CONTINUE)
    assert elsewhere.script.credentials() == [owner] and elsewhere.status == 200
    await other.aclose()


async def test_a_call_that_is_in_no_thread_is_not_remembered(store: ObjectStore, table: Table) -> None:
    built = made(Script(answer()), store)
    await built.call(ASK)
    await store.aclose()
    assert not table.rows


@pytest.mark.parametrize("status", [529, 429, 500, 401])
async def test_a_continue_is_never_failed_over(store: ObjectStore, status: int) -> None:
    await store.put(thread())
    built = made(Script(refusal(status), answer()), store)
    await built.call(CONTINUE)
    assert built.status == status and built.script.credentials() == ["key-1"]


async def test_a_create_is(store: ObjectStore) -> None:
    built = made(Script(refusal(529), answer()), store)
    await built.call(CREATE)
    assert built.status == 200 and len(set(built.script.credentials())) == 2


async def test_while_its_account_is_on_cooldown_clients_are_told_to_send_everything(
    store: ObjectStore,
) -> None:
    await store.put(thread())
    built = made(Script(refusal(429, "rate_limit_error", "slow", **{"retry-after": "60"})), store)
    await built.call(CONTINUE)
    await built.call(CONTINUE)
    assert built.status == 404 and error(built)["details"] == {"error_code": "thread_not_found"}
    assert len(built.script.requests) == 1


@pytest.mark.parametrize("token", [None, OTHER_TOKEN])
async def test_a_thread_that_is_not_known_or_another_s_is_not_there(
    store: ObjectStore, token: str | None
) -> None:
    await store.put(*([] if token is None else [thread()]))
    built = made(Script(), store)
    await (built.call(CONTINUE) if token is None else built.call(CONTINUE, token=token))
    assert built.status == 404 and error(built)["type"] == "not_found_error"
    assert error(built)["details"] == {"error_code": "thread_not_found"}


@pytest.mark.parametrize("is_known", [True, False])
async def test_a_continue_is_never_translated(store: ObjectStore, is_known: bool) -> None:
    await store.put(*([thread()] if is_known else []))
    built = made(Script(), store, routes=[RouteRecord("claude-x", (("other", "gpt-x"),))])
    await built.call(CONTINUE)
    assert built.status == 400 and error(built)["details"] == {"error_code": "thread_unsupported_request"}


async def test_a_translated_answer_has_no_id_that_a_thread_could_go_on_behind(store: ObjectStore) -> None:
    built = made(
        Script(answer(200, CHAT_ANSWER)), store, routes=[RouteRecord("claude-x", (("other", "gpt-x"),))]
    )
    await built.call(CREATE)
    assert built.status == 200 and not json.loads(built.body)["id"].startswith("msg_")


async def test_without_a_table_the_vendor_says_what_it_knows() -> None:
    built = bench(Script(refusal(404, "not_found_error", "thread_not_found")), accounts=2)
    await built.call(CONTINUE)
    assert built.status == 404 and len(built.script.requests) == 1


async def test_the_call_knows_how_large_its_thread_is(store: ObjectStore) -> None:
    await store.put(thread(tokens=50_000))
    built = made(Script(answer()), store)
    await built.call(CONTINUE)
    place = built.watching.contexts[0].place
    assert place is not None and (place.account, place.tokens) == ("a1", 50_000)
