"""Mirror the tokens in the reference's files, and read those that somebody else wrote.

The database is the truth. Files whose digest we don't know were written by the Rust router (or restored
from its backup): they are read before they are overwritten. No ORM here; `services` joins the two.
"""

from __future__ import annotations

import errno
import fcntl
import os
from collections.abc import Callable, Collection, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path

from gateway.kernel import known_files, regular
from gateway.kernel.files import replace as replace_file
from tokens.files import binary, lino
from tokens.files.types import Contents, Problem, StoredToken

LINO, BINARY = "tokens.lino", "tokens.bin"
KNOWN = "tokens.known"
LOCK = "tokens.lock"

FILES_OF_POLICY: dict[str, tuple[str, ...]] = {
    "memory": (),
    "text": (LINO,),
    "binary": (BINARY,),
    "both": (LINO, BINARY),
}
_READERS: dict[str, Callable[[bytes], Contents]] = {LINO: lino.read, BINARY: binary.read}
_WRITERS: dict[str, Callable[[Collection[StoredToken]], bytes]] = {LINO: lino.write, BINARY: binary.write}


@dataclass(frozen=True, slots=True)
class Found:
    """Contents of foreign files, both of them together. `problems` name the file first."""

    tokens: list[StoredToken]
    problems: list[Problem]


@contextmanager
def locked(directory: Path) -> Iterator[None]:
    """Lock a directory's files: one process (and one thread) at a time reads and writes them."""
    directory.mkdir(mode=0o700, parents=True, exist_ok=True)
    handle = os.open(directory / LOCK, os.O_RDWR | os.O_CREAT, 0o600)
    try:
        fcntl.flock(handle, fcntl.LOCK_EX)
        yield
    finally:
        os.close(handle)


def read_foreign(directory: Path) -> Found | None:
    """Return the files' contents if at least one of them wasn't written by us; else None. Call it locked."""
    present = _present(directory)
    known = known_files.recall(directory / KNOWN)
    if all(known_files.digest(raw) in known for raw in present.values()):
        return None
    found = {name: _READERS[name](raw) for name, raw in present.items()}
    for name, raw in present.items():
        if found[name].problems and known_files.digest(raw) not in known:
            known_files.keep_copy(directory / name)
    return merged(found)


def read(directory: Path) -> Found:
    """Return the files' contents, whoever wrote them."""
    return merged({name: _READERS[name](raw) for name, raw in _present(directory).items()})


def write(directory: Path, policy: str, tokens: Collection[StoredToken]) -> None:
    """Bring the policy's files up to date, whole or not at all. Call it locked, after `read_foreign`."""
    present = _present(directory)
    planned = {name: _WRITERS[name](tokens) for name in FILES_OF_POLICY[policy]}
    changed = {
        name: raw for name, raw in planned.items() if present.get(name) != raw and (tokens or name in present)
    }
    # Our own digests are known before the files appear: a crash in between must not make them foreign.
    known_files.remember(directory / KNOWN, (*present.values(), *changed.values()))
    for name, raw in changed.items():
        replace_file(directory / name, raw)


def export(directory: Path, tokens: Collection[StoredToken]) -> None:
    """Write both files where none is yet. Raises OSError. Call it locked."""
    for name in _WRITERS:
        if (directory / name).exists():
            raise FileExistsError(errno.EEXIST, os.strerror(errno.EEXIST), str(directory / name))
    for name, write_one in _WRITERS.items():
        replace_file(directory / name, write_one(tokens))


def merged(found: dict[str, Contents]) -> Found:
    """Merge both files: revoked if either says so, text from the binary file, unless it is as damaged as the other's.

    A record that is known but can't be believed counts as revoked, unless the other file holds it whole.
    """
    text, binary_contents = found.get(LINO, Contents()), found.get(BINARY, Contents())
    mended = {
        token.id: replace(token, label=lino.repaired(token.label), account=_repaired(token.account))
        for token in text.records.values()
    }
    tokens = mended | {
        token.id: mended[token.id] if _is_same_text(mended.get(token.id), token) else token
        for token in binary_contents.records.values()
    }
    for contents in (text, binary_contents):
        for token in contents.records.values():
            if token.revoked:
                tokens[token.id] = replace(tokens[token.id], revoked=True)
        for problem in contents.problems:
            if problem.token_id is not None and problem.token_id not in tokens:
                tokens[problem.token_id] = StoredToken(problem.token_id, revoked=True)
    problems = [
        replace(problem, place=f"{name} {problem.place}")
        for name, contents in found.items()
        for problem in contents.problems
    ]
    return Found(sorted(tokens.values(), key=lambda token: token.id), problems)


def _is_same_text(mended: StoredToken | None, token: StoredToken) -> bool:
    """Tell whether the reference has damaged both files' text: it writes what it has read from one into both."""
    return mended == replace(token, label=lino.repaired(token.label), account=_repaired(token.account))


def _repaired(text: str | None) -> str | None:
    return None if text is None else lino.repaired(text)


def _present(directory: Path) -> dict[str, bytes]:
    return {
        name: regular.read(directory / name, regular.LARGE_BYTES)
        for name in _READERS
        if (directory / name).is_file()
    }
