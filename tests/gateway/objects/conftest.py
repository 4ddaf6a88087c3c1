"""Stores over a table in memory."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable
from typing import Any

import pytest
from django.db import OperationalError

from gateway.objects import rows, writer
from gateway.objects.records import StoredObject
from gateway.objects.store import ObjectStore


class Table:
    """A table of rows in memory that counts what it is asked."""

    def __init__(self) -> None:
        self.rows: dict[str, StoredObject] = {}
        self.questions: list[list[str]] = []
        self.is_away = False
        self.writes = 0

    def find(self, ids: Any, now: float) -> dict[str, StoredObject]:
        if self.is_away:
            raise OperationalError
        self.questions.append(sorted(ids))
        return {name: self.rows[name] for name in ids if name in self.rows}

    def write(self, objects: Any) -> set[str]:
        if self.is_away:
            raise OperationalError
        self.writes += 1
        taken = {one.id for one in objects if self.rows.get(one.id, one).owner != one.owner}
        self.rows.update({one.id: one for one in objects if one.id not in taken})
        return taken

    def delete(self, ids: Any) -> None:
        for name in ids:
            self.rows.pop(name, None)


@pytest.fixture
def table(monkeypatch: pytest.MonkeyPatch) -> Table:
    made = Table()
    for name in ("find", "write", "delete"):
        monkeypatch.setattr(rows, name, getattr(made, name))
    monkeypatch.setattr(rows, "prune", lambda now, limit: 0)
    monkeypatch.setattr(writer, "RETRY_SECONDS", 0.01)
    return made


@pytest.fixture
async def make(table: Table) -> AsyncIterator[Callable[..., ObjectStore]]:
    made: list[ObjectStore] = []

    def store(**more: Any) -> ObjectStore:
        made.append(ObjectStore(**more))
        return made[-1]

    yield store
    for one in made:
        await one.aclose()
