"""What an answer says of an object is remembered before it leaves."""

from __future__ import annotations

from typing import Any

import pytest

from gateway.objects import paths
from gateway.objects.describing import DescribingTap
from gateway.objects.records import StoredObject
from providers.dialects.types import WireAnswer
from tests.gateway.objects.building import stored


class Store:
    def __init__(self) -> None:
        self.told: list[Any] = []

    async def put(self, *objects: StoredObject) -> None:
        self.told += [("put", one.id, one.document) for one in objects]

    async def describe(self, name: str, document: str) -> None:
        self.told.append(("describe", name, document))

    async def delete(self, name: str) -> None:
        self.told.append(("delete", name))


@pytest.mark.parametrize(
    ("method", "path", "body", "told"),
    [
        ("POST", b"/v1/files", b'{"id":"file_1"}', [("put", "file_1", '{"id":"file_1"}')]),
        ("GET", b"/v1/files/file_1", b'{"id":"file_1"}', [("describe", "file_1", '{"id":"file_1"}')]),
        ("POST", b"/v1/files/file_1/cancel", b'{"id":"file_1"}', [("describe", "file_1", '{"id":"file_1"}')]),
        ("GET", b"/v1/files/file_1", b'{"id":"file_2"}', []),
        ("GET", b"/v1/files/file_1/content", b'{"id":"file_1"}', []),
        ("DELETE", b"/v1/files/file_1", b"{}", [("delete", "file_1")]),
        ("DELETE", b"/v1/skills/skill_1/versions/1", b'{"id":"skill_1"}', []),
        ("POST", b"/v1/files", b"no json", []),
        # an answer that was cut: what it has made is there
        ("POST", b"/v1/files", b'{"id":"file_1","size', [("put", "file_1", "")]),
        (
            "POST",
            b"/v1/files",
            b'{"type": "file", "size_bytes": 3, "id": "file_1", "f',
            [("put", "file_1", "")],
        ),
        ("POST", b"/v1/files", b'{"id":"file', []),
        ("POST", b"/v1/files", b'{"inner": {"id": "other"}, "id": "file_1", ', []),
        ("POST", b"/v1/files", b"{no json", []),
        ("POST", b"/v1/files", b'{"id":5}', []),
    ],
)
async def test_answers(method: str, path: bytes, body: bytes, told: list[Any]) -> None:
    store = Store()
    tap = DescribingTap(
        store,  # type: ignore[arg-type]
        paths.read(method, path),
        lambda name, document: stored(name, document=document),
    )
    await tap.fed(body)
    await tap.fed(b"")
    assert store.told == told


async def test_of_an_error_nothing_is_remembered() -> None:
    store = Store()
    tap = DescribingTap(store, paths.read("DELETE", b"/v1/files/file_1"), stored)  # type: ignore[arg-type]
    await tap.answered(WireAnswer(500, (), b"{}"))
    assert store.told == []
    await tap.answered(WireAnswer(204, (), b""))
    assert store.told == [("delete", "file_1")]
