"""The reference's token files beside our database: read when somebody else wrote them, written by us.

The database is the truth. Files whose digest we don't know were written by the Rust router (or restored
from its backup): they are read before they are overwritten. No ORM here; `file_services` joins the two.
"""

from __future__ import annotations

import fcntl
import hashlib
import os
import shutil
import tempfile
from collections.abc import Callable, Collection, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path

from . import binary, lino
from .types import Contents, Problem, StoredToken

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
    """What foreign files said, both of them together. `problems` name the file first."""

    tokens: list[StoredToken]
    problems: list[Problem]


@contextmanager
def locked(directory: Path) -> Iterator[None]:
    """One process (and one thread) at a time reads and writes the files of a directory."""
    directory.mkdir(mode=0o700, parents=True, exist_ok=True)
    handle = os.open(directory / LOCK, os.O_RDWR | os.O_CREAT, 0o600)
    try:
        fcntl.flock(handle, fcntl.LOCK_EX)
        yield
    finally:
        os.close(handle)


def read_foreign(directory: Path) -> Found | None:
    """The files' contents if at least one of them wasn't written by us; else None. Call it locked."""
    present = _present(directory)
    known = _known(directory)
    if all(_digest(raw) in known for raw in present.values()):
        return None
    found = {name: _READERS[name](raw) for name, raw in present.items()}
    for name, raw in present.items():
        if found[name].problems and _digest(raw) not in known:
            _keep_copy(directory / name)
    return merged(found)


def read(directory: Path) -> Found:
    """The files' contents, whoever wrote them."""
    return merged({name: _READERS[name](raw) for name, raw in _present(directory).items()})


def write(directory: Path, policy: str, tokens: Collection[StoredToken]) -> None:
    """Bring the policy's files up to date, whole or not at all. Call it locked, after `read_foreign`."""
    present = _present(directory)
    planned = {name: _WRITERS[name](tokens) for name in FILES_OF_POLICY[policy]}
    changed = {
        name: raw for name, raw in planned.items() if present.get(name) != raw and (tokens or name in present)
    }
    # Our own digests are known before the files appear: a crash in between must not make them foreign.
    seen = {_digest(raw) for raw in (*present.values(), *changed.values())}
    if not seen <= _known(directory):
        _replace(directory / KNOWN, "\n".join(sorted(seen)).encode())
    for name, raw in changed.items():
        _replace(directory / name, raw)


def merged(found: dict[str, Contents]) -> Found:
    """Both files as one: revoked if either says so, text from the binary file, whose text is undamaged.

    A record that is known but can't be believed counts as revoked, unless the other file holds it whole.
    """
    text, rest = found.get(LINO, Contents()), found.get(BINARY, Contents())
    mended = {
        token.id: replace(token, label=lino.repaired(token.label), account=_repaired(token.account))
        for token in text.records.values()
    }
    tokens = mended | rest.records
    for contents in (text, rest):
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


def _repaired(text: str | None) -> str | None:
    return None if text is None else lino.repaired(text)


def _present(directory: Path) -> dict[str, bytes]:
    return {name: (directory / name).read_bytes() for name in _READERS if (directory / name).is_file()}


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


def _replace(path: Path, raw: bytes) -> None:
    handle, temporary = tempfile.mkstemp(prefix=f".{path.name}-", dir=path.parent)  # mode 0600
    try:
        with os.fdopen(handle, "wb") as stream:
            stream.write(raw)
            stream.flush()
            os.fsync(stream.fileno())
        Path(temporary).replace(path)
    except BaseException:
        Path(temporary).unlink(missing_ok=True)
        raise
    directory = os.open(path.parent, os.O_RDONLY)
    try:
        os.fsync(directory)
    finally:
        os.close(directory)
