"""`providers.lenv`, the reference's store of providers: read when somebody else wrote it, written by us. No ORM.

The database is the truth. A file whose digest we don't know was written by the Rust router (or restored from its
backup): it is read before it is overwritten.
"""

from __future__ import annotations

import fcntl
import hashlib
import json
import os
import shutil
import tempfile
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from providers.atomic import replace

FILE, KNOWN, LOCK = "providers.lenv", "providers.known", "providers.lock"
PREFIX = "PROVIDER: "
HEAD = (
    "# Link.Assistant.Router provider store\n# Each PROVIDER value is JSON; inline API keys are encrypted.\n"
)


@dataclass(frozen=True, slots=True)
class Contents:
    """(line, fields) of every record that could be read, and what could not be: (line, why)."""

    records: list[tuple[int, dict[str, Any]]] = field(default_factory=list)
    problems: list[tuple[int, str]] = field(default_factory=list)


@contextmanager
def locked(directory: Path) -> Iterator[None]:
    """One process (and one thread) at a time reads and writes the file of a directory."""
    directory.mkdir(mode=0o700, parents=True, exist_ok=True)
    handle = os.open(directory / LOCK, os.O_RDWR | os.O_CREAT, 0o600)
    try:
        fcntl.flock(handle, fcntl.LOCK_EX)
        yield
    finally:
        os.close(handle)


def parse(text: str) -> Contents:
    """The records of a store. Lines that do not begin with `PROVIDER: ` are passed over."""
    contents = Contents()
    for number, line in enumerate(text.removeprefix("\ufeff").split("\n"), start=1):
        line = line.strip()
        if not line.startswith(PREFIX):
            continue
        try:
            fields = json.loads(line.removeprefix(PREFIX))
        except ValueError as exc:
            contents.problems.append((number, f"provider JSON error: {exc}"))
            continue
        if isinstance(fields, dict):
            contents.records.append((number, fields))
        else:
            contents.problems.append((number, "provider JSON error: a record must be an object"))
    return contents


def render(records: Iterable[Mapping[str, object]]) -> bytes:
    """The store as the reference writes it. Fields in the order in which they are given."""
    lines = [
        PREFIX + json.dumps(fields, ensure_ascii=False, separators=(",", ":")) + "\n" for fields in records
    ]
    return (HEAD + "".join(lines)).encode()


def read(directory: Path) -> Contents:
    """The file's contents, whoever wrote it; nothing when it is not there."""
    raw = _raw(directory)
    return Contents() if raw is None else parse(raw.decode("utf-8", "replace"))


def read_foreign(directory: Path) -> Contents | None:
    """The contents if the file was not written by us; else None. A damaged file is kept as a copy. Call it locked."""
    raw = _raw(directory)
    if raw is None or _digest(raw) in _known(directory):
        return None
    contents = parse(raw.decode("utf-8", "replace"))
    if contents.problems:
        _keep_copy(directory / FILE)
    return contents


def write(directory: Path, raw: bytes) -> None:
    """Brings the file up to date, whole or not at all. Call it locked, after `read_foreign`."""
    present = _raw(directory)
    if present is None and raw == HEAD.encode():
        return
    # Our own digest is known before the file appears: a crash in between must not make it foreign.
    seen = {_digest(one) for one in (present, raw) if one is not None}
    if not seen <= _known(directory):
        replace(directory / KNOWN, "\n".join(sorted(seen)).encode())
    if present != raw:
        replace(directory / FILE, raw)


def _raw(directory: Path) -> bytes | None:
    path = directory / FILE
    return path.read_bytes() if path.is_file() else None


def _known(directory: Path) -> set[str]:
    path = directory / KNOWN
    return set(path.read_text("ascii", errors="replace").split()) if path.is_file() else set()


def _digest(raw: bytes) -> str:
    return hashlib.sha256(raw).hexdigest()


def _keep_copy(path: Path) -> None:
    """The damaged file as it was, under a name that isn't taken."""
    handle, copy = tempfile.mkstemp(prefix=f"{path.name}.damaged-", dir=path.parent)
    os.close(handle)
    shutil.copyfile(path, copy)
