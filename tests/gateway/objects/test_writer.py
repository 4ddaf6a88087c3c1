"""What is put while the table is away, or while another write runs."""

from __future__ import annotations

import asyncio
from typing import Any

from tests.gateway.objects.building import stored
from tests.gateway.objects.conftest import Table


async def test_a_new_object_is_kept_while_the_table_is_away(table: Table, make: Any) -> None:
    store = make()
    table.is_away = True
    putting = asyncio.create_task(store.put(stored("file_1")))
    await asyncio.wait([putting], timeout=0.1)
    assert await store.find(["file_1"])
    table.is_away = False
    await asyncio.wait_for(putting, 5)
    for _ in range(200):
        if table.rows:
            break
        await asyncio.sleep(0.01)
    assert set(table.rows) == {"file_1"}


async def test_what_is_unwritten_at_the_end_is_written_then(table: Table, make: Any) -> None:
    store = make()
    table.is_away = True
    await asyncio.wait([asyncio.create_task(store.put(stored("file_1")))], timeout=0.05)
    table.is_away = False
    await store.aclose()
    assert set(table.rows) == {"file_1"}


async def test_what_gathers_during_a_write_goes_out_together(table: Table, make: Any) -> None:
    store = make()
    await asyncio.gather(*(store.put(stored(f"file_{n}")) for n in range(50)))
    assert len(table.rows) == 50
    assert table.writes <= 3


async def test_nobody_waits_for_the_writes_of_those_behind(table: Table, make: Any) -> None:
    store, is_over = make(), asyncio.Event()
    behind: set[asyncio.Task[None]] = set()

    async def others() -> None:
        number = 100
        while not is_over.is_set():
            number += 1
            behind.add(asyncio.create_task(store.put(stored(f"file_{number}"))))
            await asyncio.sleep(0)

    busy = asyncio.create_task(others())
    await asyncio.wait_for(store.put(stored("file_1")), 2)
    is_over.set()
    await busy
    await asyncio.gather(*behind)
