"""Stored objects for tests."""

from __future__ import annotations

import msgspec

from gateway.objects.records import Kind, StoredObject

FILE = StoredObject(
    id="file_1", kind=Kind.FILE, provider="anthropic", account="a1", token_id="t1", owner="ledger-1", made_at=100.0
)  # fmt: skip


def stored(name: str = "file_1", **changes: object) -> StoredObject:
    """Return an object of token t1 at account a1, with these changes."""
    return msgspec.structs.replace(FILE, id=name, **changes)
