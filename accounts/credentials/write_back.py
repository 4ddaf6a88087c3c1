"""Write a refreshed pair back into the file it came from: whole or not at all, touching nothing else."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import orjson

from accounts.credentials.files import (
    ACCESS_KEYS,
    EXPIRY_KEYS,
    MAX_FILE_BYTES,
    REFRESH_KEYS,
    FileCredential,
    parse,
)
from accounts.errors import AccountError, MalformedCredential
from gateway.kernel import regular
from gateway.kernel.files import replace


class FileMoved(AccountError):
    """The file no longer holds the pair that was refreshed: somebody has written a newer one."""


def write_pair(path: Path, replaced: FileCredential, fresh: FileCredential) -> None:
    """Put `fresh` where `replaced` stands. Unknown keys, mode and owner stay; a symlink stays one.

    Raises `FileMoved`, and `OSError` where the file can't be written (a read-only mount).
    """
    target = path.resolve(strict=True)
    data = regular.read(target, MAX_FILE_BYTES)
    try:
        found = parse(data)
    except MalformedCredential as exc:
        raise FileMoved(str(exc)) from exc
    if found is None or found.access_token != replaced.access_token:
        raise FileMoved("the file holds another token by now")
    document = orjson.loads(data.removeprefix(b"\xef\xbb\xbf"))
    _fill(document if found.nested_key is None else document[found.nested_key], fresh)
    replace(target, orjson.dumps(document), like=target.stat())


def _fill(fields: dict[str, Any], fresh: FileCredential) -> None:
    """Put each value under the name it had; a new one gets the command line's spelling."""
    fields[_name(fields, ACCESS_KEYS)] = fresh.access_token
    if fresh.refresh_token is not None:
        fields[_name(fields, REFRESH_KEYS)] = fresh.refresh_token
    if fresh.expires_at is not None:
        fields[_name(fields, EXPIRY_KEYS)] = int(fresh.expires_at * 1000)


def _name(fields: dict[str, Any], names: tuple[str, ...]) -> str:
    return next(
        (name for name in names if fields.get(name)), next((n for n in names if n in fields), names[0])
    )
