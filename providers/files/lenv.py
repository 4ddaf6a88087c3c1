"""Read and write `providers.lenv`, the reference's store of providers.

No ORM. It is read when somebody else wrote it, and written by us. The database is the truth. A file whose
digest we don't know was written by the Rust router (or restored from its backup): it is read before it is
overwritten.
"""

from __future__ import annotations

import fcntl
import json
import os
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from gateway.kernel import known_files, regular
from gateway.kernel.files import replace

FILE, KNOWN, LOCK, NAMES = "providers.lenv", "providers.known", "providers.lock", "providers.names"
PREFIX = "PROVIDER: "
HEAD = (
    "# Link.Assistant.Router provider store\n# Each PROVIDER value is JSON; inline API keys are encrypted.\n"
)


@dataclass(frozen=True, slots=True)
class Contents:
    """Records of a store, and its problems.

    `records`: (line, fields) of each that could be read. `problems`: (line, reason) of each that could not.
    """

    records: list[tuple[int, dict[str, Any]]] = field(default_factory=list)
    problems: list[tuple[int, str]] = field(default_factory=list)
    is_store: bool = False  # it begins as the reference's own do: no list that somebody has put there

    @property
    def names(self) -> set[str]:
        """The names of the records."""
        return {str(fields.get("name")).strip() for _, fields in self.records}


@contextmanager
def locked(directory: Path) -> Iterator[None]:
    """Hold the lock of a directory: one process (and one thread) at a time reads and writes its file."""
    directory.mkdir(mode=0o700, parents=True, exist_ok=True)
    handle = os.open(directory / LOCK, os.O_RDWR | os.O_CREAT, 0o600)
    try:
        fcntl.flock(handle, fcntl.LOCK_EX)
        yield
    finally:
        os.close(handle)


def parse(text: str) -> Contents:
    """Return the records of a store.

    Lines that do not begin with `PROVIDER: ` are passed over.
    """
    contents = Contents(is_store=text.startswith(HEAD.partition("\n")[0]))
    for number, line in enumerate(text.removeprefix("\ufeff").split("\n"), start=1):
        line = line.strip()
        if not line.startswith(PREFIX):
            continue
        try:
            fields = json.loads(line.removeprefix(PREFIX))
        except (ValueError, RecursionError) as exc:
            contents.problems.append((number, f"provider JSON error: {exc}"))
            continue
        if isinstance(fields, dict):
            contents.records.append((number, fields))
        else:
            contents.problems.append((number, "provider JSON error: a record must be an object"))
    return contents


def render(records: Iterable[Mapping[str, object]]) -> bytes:
    """Return the store as the reference writes it.

    Fields in the order in which they are given.
    """
    lines = [
        PREFIX + json.dumps(fields, ensure_ascii=False, separators=(",", ":")) + "\n" for fields in records
    ]
    return (HEAD + "".join(lines)).encode()


def read(directory: Path) -> Contents:
    """Return the file's contents, whoever wrote it; nothing when it is not there."""
    raw = _raw(directory)
    return Contents() if raw is None else parse(raw.decode("utf-8", "replace"))


def read_foreign(directory: Path) -> Contents | None:
    """Return the contents if the file was not written by us; else None.

    A damaged file is kept as a copy. Call it locked.
    """
    raw = _raw(directory)
    if raw is None or known_files.digest(raw) in known_files.recall(directory / KNOWN):
        return None
    contents = parse(raw.decode("utf-8", "replace"))
    if contents.problems:
        known_files.keep_copy(directory / FILE)
    return contents


def last_written(directory: Path) -> set[str]:
    """Return the names that stood in the file when we last wrote it; none when that is not known."""
    path = directory / NAMES
    return set(regular.read(path, regular.LARGE_BYTES).decode().split()) if path.is_file() else set()


def write(directory: Path, raw: bytes) -> None:
    """Bring the file up to date, whole or not at all, and remember the names in it.

    Call it locked, after `read_foreign`.
    """
    present = _raw(directory)
    if present is None and raw == HEAD.encode():
        return
    # Our own digest is known before the file appears: a crash in between must not make it foreign.
    known_files.remember(directory / KNOWN, [one for one in (present, raw) if one is not None])
    if present != raw:
        replace(directory / FILE, raw)
    names = parse(raw.decode()).names
    if names != last_written(directory):  # after the file: what it never held must not look deleted there
        replace(directory / NAMES, "\n".join(sorted(names)).encode())


def _raw(directory: Path) -> bytes | None:
    path = directory / FILE
    return regular.read(path, regular.LARGE_BYTES) if path.is_file() else None
