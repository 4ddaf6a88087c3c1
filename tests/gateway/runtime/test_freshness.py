from __future__ import annotations

import asyncio
import logging
from collections.abc import Iterator

import pytest
from channels.db import database_sync_to_async
from django.db import connection

from gateway.kernel.events import Event
from gateway.runtime.freshness import Freshness

TABLES = ("apples", "pears", "plums")

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture(autouse=True)
def tables() -> Iterator[None]:
    with connection.cursor() as cursor:
        for app in TABLES:
            cursor.execute(
                f"CREATE TABLE {app}_revision (id integer PRIMARY KEY, value bigint, reload_from bigint)"
            )
    yield
    with connection.cursor() as cursor:
        for app in TABLES:
            cursor.execute(f"DROP TABLE IF EXISTS {app}_revision")


def set_revision(app: str, value: int) -> None:
    with connection.cursor() as cursor:
        cursor.execute(f"DELETE FROM {app}_revision")
        cursor.execute(f"INSERT INTO {app}_revision VALUES (1, {value}, 0)")


class Fruit:
    """A copy of one table's revision, as an app would keep it."""

    def __init__(self, app: str) -> None:
        self.app = app
        self.revision = 0
        self.applied = 0

    def apply_changes(self) -> None:
        with connection.cursor() as cursor:
            cursor.execute(f"SELECT value FROM {self.app}_revision")
            self.revision = cursor.fetchone()[0]
        self.applied += 1


@pytest.fixture
def copies() -> dict[str, Fruit]:
    return {app: Fruit(app) for app in TABLES}


def test_only_copies_that_are_behind_are_asked(copies: dict[str, Fruit], django_assert_num_queries):
    freshness = Freshness(copies)
    set_revision("pears", 3)
    with django_assert_num_queries(2):
        freshness.refresh()
    assert [(copy.revision, copy.applied) for copy in copies.values()] == [(0, 0), (3, 1), (0, 0)]
    with django_assert_num_queries(1):
        freshness.refresh()
    assert freshness.is_healthy


def test_a_counter_that_went_back_is_a_change(copies: dict[str, Fruit]):
    freshness = Freshness(copies)
    for value in (9, 4):
        set_revision("plums", value)
        freshness.refresh()
    assert (copies["plums"].revision, copies["plums"].applied) == (4, 2)


def copies_without_plums(copies: dict[str, Fruit]) -> dict[str, Fruit]:
    return {app: copy for app, copy in copies.items() if app != "plums"}


async def test_a_change_elsewhere_arrives_by_itself(copies: dict[str, Fruit]):
    freshness = Freshness(copies, interval_seconds=0.02)
    await database_sync_to_async(set_revision)("apples", 1)
    await freshness.start()
    try:
        assert copies["apples"].revision == 1  # known before the start is over
        await database_sync_to_async(set_revision)("apples", 2)
        async with asyncio.timeout(10):
            while copies["apples"].revision != 2:
                await asyncio.sleep(0.005)
    finally:
        await freshness.aclose()


async def test_refresh_now_knows_what_was_committed_before(copies: dict[str, Fruit]):
    freshness = Freshness(copies, interval_seconds=60)
    await freshness.start()
    try:
        for value in range(1, 6):
            await database_sync_to_async(set_revision)("pears", value)
            await freshness.refresh_now()
            assert copies["pears"].revision == value
    finally:
        await freshness.aclose()


def test_a_database_that_is_away_is_said_once_and_so_is_its_return(
    copies: dict[str, Fruit], caplog: pytest.LogCaptureFixture, told: list[Event]
):
    freshness = Freshness(copies)
    assert not freshness.is_healthy
    set_revision("pears", 1)
    freshness.refresh()
    with connection.cursor() as cursor:
        cursor.execute("ALTER TABLE plums_revision RENAME TO elsewhere")
    for _ in range(3):
        freshness.refresh()
    assert not freshness.is_healthy
    assert copies["pears"].revision == 1
    with connection.cursor() as cursor:
        cursor.execute("ALTER TABLE elsewhere RENAME TO plums_revision")
    for _ in range(3):
        freshness.refresh()
    assert freshness.is_healthy
    said = [record.levelno for record in caplog.records if record.name == "gateway.runtime.freshness"]
    assert said == [logging.ERROR, logging.WARNING]
    assert [event.kind for event in told] == ["database-away", "database-back"]


def test_a_copy_that_fails_does_not_stop_the_polling(
    copies: dict[str, Fruit], caplog: pytest.LogCaptureFixture, told: list[Event]
):
    class Broken(Fruit):
        def apply_changes(self) -> None:
            raise KeyError("a defect")

    freshness = Freshness({"plums": Broken("plums"), **copies_without_plums(copies)})
    set_revision("plums", 1)
    set_revision("pears", 1)
    freshness.refresh()
    freshness.refresh()
    assert not freshness.is_healthy
    assert len(caplog.records) == 1
    assert told == []  # a defect of ours is no absent database
    assert copies["pears"].revision == 1


async def test_closing_without_start_is_fine(copies: dict[str, Fruit]):
    await Freshness(copies).aclose()
