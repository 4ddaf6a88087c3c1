"""The store of objects: memory, Redis, table."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from gateway.objects.store import ObjectsUnavailable
from tests.gateway.objects.building import stored
from tests.gateway.objects.conftest import Table


async def test_what_is_put_is_in_the_table_at_once_and_in_memory(table: Table, make: Any) -> None:
    store = make()
    await store.put(stored("file_1"), stored("file_2"))
    assert set(table.rows) == {"file_1", "file_2"}
    assert set(await store.find(["file_1", "file_2"])) == {"file_1", "file_2"}
    assert not table.questions


async def test_another_process_asks_the_table_once(table: Table, make: Any) -> None:
    await make().put(stored("file_1"))
    other = make()
    found = await asyncio.gather(*(other.find(["file_1"]) for _ in range(20)))
    assert all(one["file_1"].account == "a1" for one in found)
    assert await other.find(["file_1"])
    assert table.questions == [["file_1"]]


async def test_ids_that_wait_together_are_one_question(table: Table, make: Any) -> None:
    store = make()
    await asyncio.gather(*(store.find([f"file_{n}"]) for n in range(100)))
    assert len(table.questions) <= 2
    assert sum(map(len, table.questions)) == 100


async def test_an_unknown_id_is_asked_for_again_after_a_second(table: Table, make: Any) -> None:
    now = [0.0]
    store = make(clock=lambda: now[0])
    assert await store.find(["file_1"]) == {}
    table.rows["file_1"] = stored("file_1")
    assert await store.find(["file_1"]) == {}
    now[0] = 1.5
    assert await store.find(["file_1"]) == {"file_1": stored("file_1")}


async def test_an_object_whose_time_is_over_is_unknown(table: Table, make: Any) -> None:
    now = [0.0]
    store = make(clock=lambda: now[0])
    await store.put(stored("file_1", expires_at=10.0))
    assert await store.find(["file_1"])
    now[0], table.rows = 11.0, {}
    assert not await store.find(["file_1"])


async def test_a_deleted_object_is_unknown(table: Table, make: Any) -> None:
    store = make()
    await store.put(stored("file_1"))
    await store.delete("file_1")
    assert not table.rows and not await store.find(["file_1"])


async def test_an_id_of_anothers_is_not_taken_over_in_memory(table: Table, make: Any) -> None:
    await make().put(stored("file_1"))
    store = make()
    await store.put(stored("file_1", owner="ledger-2"))
    assert (await store.find(["file_1"]))["file_1"].owner == "ledger-1"


async def test_names_that_no_table_takes_are_unknown(table: Table, make: Any) -> None:
    store = make()
    await store.put(stored("x" * 300), stored("a\0b"))
    assert not table.rows
    assert await store.find(["x" * 300, "a\0b", ""]) == {}
    assert not table.questions


async def test_without_the_table_nobody_is_told_that_an_object_is_not_there(table: Table, make: Any) -> None:
    store = make()
    table.is_away = True
    with pytest.raises(ObjectsUnavailable):
        await store.find(["file_1"])


async def test_a_client_that_leaves_takes_the_answer_from_nobody(table: Table, make: Any) -> None:
    store = make()
    table.rows["file_1"] = stored("file_1")
    leaving = asyncio.create_task(store.find(["file_1"]))
    staying = asyncio.create_task(store.find(["file_1"]))
    await asyncio.sleep(0)
    leaving.cancel()
    assert await staying
