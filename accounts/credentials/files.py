"""Parse and read credential files of the vendors' command lines, and notice their changes.

A directory is searched for five names in order. The first file with a token of the provider wins; one
whose token is not recognised is the second choice; other vendors' files are passed over.
"""

from __future__ import annotations

import os
import stat
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import orjson

from accounts.errors import MalformedCredential
from gateway.kernel import regular
from providers.fields import own_secrets

FILE_NAMES = ("credentials.json", ".credentials.json", "auth.json", "oauth.json", "config.json")
NESTED_KEYS = ("claudeAiOauth", "claude_ai_oauth")
ACCESS_KEYS = ("accessToken", "access_token", "oauthToken", "oauth_token")
REFRESH_KEYS = ("refreshToken", "refresh_token")
EXPIRY_KEYS = ("expiresAt", "expires_at")
MAX_FILE_BYTES = 1 << 20
OWN_PREFIXES = {"anthropic": ("sk-ant-",)}
FOREIGN_PREFIXES = (
    "eyJ", "ya29.", "AIza", "gho_", "ghp_", "ghu_", "ghs_", "github_pat_", "glpat-", "sk-proj-", "sk-or-",
    "sk-svcacct-", "xoxb-", "xoxp-", "hf_", "gsk_", "AKIA", "la_sk_",
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class FileCredential:
    """Credential in one file. `access_token` is empty when the file says "logged out"."""

    access_token: str = field(repr=False)
    refresh_token: str | None = field(default=None, repr=False)
    expires_at: float | None = None  # Unix seconds
    nested_key: str | None = None  # the object that holds the pair; None = the top level

    @property
    def is_logged_out(self) -> bool:
        return not self.access_token


@dataclass(frozen=True, slots=True)
class Reading:
    """Result of the search of a directory."""

    credential: FileCredential | None
    path: Path | None
    signature: tuple[object, ...]
    warnings: tuple[str, ...] = ()
    problem: str = ""  # why there is no usable credential; holds the path
    is_logged_out: bool = False


def parse(data: bytes) -> FileCredential | None:
    """Parse a credential file; None: it has no token field at all. Pure.

    Raises `MalformedCredential`; its text never holds a token. A nested pair goes before a flat one, and
    the two are never mixed.
    """
    document = _document(data)
    blank = None
    for key in NESTED_KEYS:
        nested = document.get(key)
        if nested is None:
            continue
        if not isinstance(nested, dict):
            raise MalformedCredential(f"{key} is not an object")
        found = _pair(nested, key)
        if found is not None and not found.is_logged_out:
            return found
        blank = blank or found
    return _pair(document, None) or blank


def read_directory(home: Path, provider: str) -> Reading:
    """Search `home`. Blocking IO: never called on the relay's path."""
    signature = sign_directory(home)
    warnings: list[str] = []
    second: tuple[FileCredential, Path] | None = None
    logged_out: Path | None = None
    for name in FILE_NAMES:
        path = home / name
        try:
            found = parse(_read(path))
        except FileNotFoundError:
            continue
        except (OSError, MalformedCredential) as exc:
            warnings.append(
                f"Failed to {'read' if isinstance(exc, OSError) else 'parse'} {path}: {_words(exc)}"
            )
            continue
        if found is None:
            continue
        if found.is_logged_out:
            logged_out = logged_out or path
        elif found.access_token.startswith(OWN_PREFIXES.get(provider, ())):
            return Reading(found, path, signature, tuple(warnings))
        elif found.access_token.startswith(FOREIGN_PREFIXES):
            warnings.append(f"{path} holds another vendor's token: skipped")
        elif second is None:
            second = (found, path)
    if second is not None:
        return Reading(second[0], second[1], signature, tuple(warnings))
    if logged_out is not None:
        return Reading(
            None, logged_out, signature, tuple(warnings), f"logged out: {logged_out} is blank", True
        )
    problem = warnings[0] if warnings else f"No credential files found in {home}"
    return Reading(None, None, signature, tuple(warnings), problem)


def sign_directory(home: Path) -> tuple[object, ...]:
    """Return what changes whenever one of the five files does: device, inode, size and both times of each."""
    return tuple(_sign(home / name) for name in FILE_NAMES)


def _sign(path: Path) -> tuple[int, ...] | None:
    try:
        info = os.stat(path)  # noqa: PTH116 - five of these per account and poll: the plain call is the cheap one
    except OSError:
        return None
    return (
        info.st_dev,
        info.st_ino,
        info.st_size,
        info.st_mtime_ns,
        info.st_ctime_ns,
        stat.S_IFMT(info.st_mode),
    )


def _read(path: Path) -> bytes:
    if own_secrets.is_own_file(path):
        raise MalformedCredential("it is a file of this gateway")
    return regular.read(path, MAX_FILE_BYTES)


def _words(exc: Exception) -> str:
    return (exc.strerror or "unreadable") if isinstance(exc, OSError) else str(exc)


def _document(data: bytes) -> dict[str, Any]:
    try:
        document = orjson.loads(data.removeprefix(b"\xef\xbb\xbf"))
    except orjson.JSONDecodeError as exc:
        raise MalformedCredential(f"not valid JSON (line {exc.lineno}, column {exc.colno})") from None
    if not isinstance(document, dict):
        raise MalformedCredential("not a JSON object")
    return document


def _pair(fields: dict[str, Any], nested_key: str | None) -> FileCredential | None:
    access, is_named = _text(fields, ACCESS_KEYS)
    if not is_named:
        return None
    refresh, _ = _text(fields, REFRESH_KEYS)
    return FileCredential(access, refresh or None, _expiry(fields), nested_key)


def _text(fields: dict[str, Any], keys: tuple[str, ...]) -> tuple[str, bool]:
    """Return (the first non-empty value, whether any of the keys is there at all)."""
    is_named = False
    for key in keys:
        value = fields.get(key)
        if value is None:
            continue
        if not isinstance(value, str):
            raise MalformedCredential(f"{key} is not a string")
        is_named = True
        value = value.strip()
        if value and not (value.isascii() and value.isprintable()):
            raise MalformedCredential(f"{key} holds characters that no token has")
        if value:
            return value, True
    return "", is_named


def _expiry(fields: dict[str, Any]) -> float | None:
    """Return the expiry in Unix seconds; the file has milliseconds. 0 and null mean: not told."""
    for key in EXPIRY_KEYS:
        value = fields.get(key)
        if value is None:
            continue
        if isinstance(value, bool) or not isinstance(value, int | float):
            raise MalformedCredential(f"{key} is not a number")
        return float(value) / 1000.0 if value > 0 else None
    return None
