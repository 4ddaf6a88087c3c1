"""Write a client's configuration, with a copy of what was there, and take it back."""

from __future__ import annotations

import os
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TypeVar

from gateway.clients.errors import ClientError
from gateway.clients.programs import Client, Environment, Wanted
from gateway.kernel import files

T = TypeVar("T")
BACKUP_SUFFIX = ".before-link-assistant"


@dataclass(frozen=True, slots=True)
class Written:
    """Tell what was written where."""

    file: Path
    backup: Path | None  # None: the file was not there before


def text_for(client: Client, wanted: Wanted) -> str:
    """Return the configuration as a file that holds nothing else."""
    return client.form.put("", client.entries(wanted))


def write(client: Client, wanted: Wanted, environment: Environment) -> Written:
    """Put `wanted` into the client's file, mode 0600. The copy of the first time stays until `undo`.

    Raises `ClientError` and `OSError`; then nothing has changed.
    """
    file, backup = _places(client, environment)
    text, is_there = _read(file), file.exists()
    changed = _naming(file, client.form.put, text, client.entries(wanted))
    file.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    if not backup.exists():
        # An empty copy says that there was nothing.
        files.replace(backup, text.encode(), like=file.stat() if is_there else None)
    files.replace(file, changed.encode())
    return Written(file, backup if backup.stat().st_size else None)


def undo(client: Client, environment: Environment) -> Written:
    """Put back what `write` has replaced; what was changed otherwise since then stays. Raises as `write` does."""
    file, backup = _places(client, environment)
    if not backup.exists():
        raise ClientError(f"nothing to undo: {backup} is not there")
    original = _read(backup)
    here = Wanted("http://x", "x", "x")
    # With a model, so that every place is named that was written.
    text = _naming(file, client.form.restore, _read(file), original, tuple(client.entries(here)))
    if text.strip() or original:
        files.replace(file, text.encode(), like=backup.stat())
    else:
        file.unlink(missing_ok=True)
    backup.unlink()
    return Written(file, None)


def configured(client: Client, environment: Environment) -> Wanted | None:
    """Return what the client's file says of a gateway. Raises `ClientError` for a file that can't be read."""
    file, _ = _places(client, environment)
    return client.found(_naming(file, client.form.read, _read(file)))


def _places(client: Client, environment: Environment) -> tuple[Path, Path]:
    # A link stays a link: people keep these files elsewhere and link them.
    file = Path(os.path.realpath(client.file(environment)))
    return file, file.with_name(file.name + BACKUP_SUFFIX)


def _read(file: Path) -> str:
    try:
        return file.read_text(encoding="utf-8")
    except FileNotFoundError:
        return ""
    except UnicodeDecodeError:
        raise ClientError(f"{file}: it is not UTF-8") from None


def _naming(file: Path, call: Callable[..., T], *given: object) -> T:
    """Call, and name the file in what goes wrong."""
    try:
        return call(*given)
    except ClientError as problem:
        raise ClientError(f"{file}: {problem}") from None
