"""Reads the options once: flag > environment > `.lenv` > `.env` > default. No Django.

`manage.py` calls `take_flags` before Django looks at its settings; flags and files become environment
variables, so that worker processes and libraries (proxies, provider keys) see the same.
"""

from __future__ import annotations

import os
import re
from collections.abc import Mapping, MutableMapping, Sequence
from pathlib import Path
from typing import Any

from gateway.envfiles import read_env, read_lenv
from gateway.option_table import Options, flags, table
from gateway.options import ConfigurationError, Empty, Option

_origins: dict[str, tuple[str, str]] = {}
"""Value and origin of what did not come from the environment itself: for error texts only."""

_USER_INFO = re.compile(r"//[^/@]*@")

GONKA_KEY_MISSING = (
    "Gonka provider requires GONKA_PRIVATE_KEY. Make sure your Gonka account is activated for inference, "
    "funded, and has a published on-chain public key."
)
CRATER_INBOX_MISSING = "Crater provider requires CRATER_FORGEFED_INBOX"
SECRET_MISSING = "TOKEN_SECRET environment variable is required"  # noqa: S105 - a message


def take_flags(arguments: Sequence[str], environment: MutableMapping[str, str]) -> list[str]:
    """Moves our flags from `arguments` into `environment`; returns the arguments that are left.

    Flags may stand before or after the subcommand, as `--flag value` or `--flag=value`; everything
    behind `--` is left alone. Raises `ConfigurationError` for a flag given twice or without its value.
    """
    rest: list[str] = []
    given: set[str] = set()
    waiting = list(arguments)
    while waiting:
        argument = waiting.pop(0)
        if argument == "--":
            return [*rest, argument, *waiting]
        flag, has_value, value = argument.partition("=")
        option = flags().get(flag)
        if option is None:
            rest.append(argument)
            continue
        if option.name in given:
            raise ConfigurationError(f"{flag} is given more than once")
        given.add(option.name)
        if not has_value and option.is_switch:
            value = "true"
        elif not has_value:
            if not waiting:
                raise ConfigurationError(f"{flag} needs a value")
            value = waiting.pop(0)
        _set_from_flag(option, flag, value, environment)
    return rest


def _set_from_flag(option: Option, flag: str, value: str, environment: MutableMapping[str, str]) -> None:
    environment.pop(option.name, None)
    environment.pop(option.file_name, None)
    name = option.file_name if flag == option.file_flag else option.name
    environment[name] = value
    _origins[name] = (value, flag)


def load_files(directory: Path, environment: MutableMapping[str, str]) -> None:
    """Adds what `.lenv` and `.env` in `directory` say and `environment` does not say yet.

    A name and its `_FILE` form are one: a level that gives either hides the other in the levels below.
    """
    lenv = _read(directory / ".lenv")
    if lenv is not None:
        _add(read_lenv(lenv), ".lenv", environment)
    dotenv = _read(directory / ".env")
    if dotenv is not None:
        _add(read_env(dotenv, environment), ".env", environment)


def _read(path: Path) -> str | None:
    try:
        return path.read_bytes().decode()
    except (OSError, UnicodeDecodeError):
        return None


def _add(found: Mapping[str, str], origin: str, environment: MutableMapping[str, str]) -> None:
    hidden = {
        name
        for option in table().values()
        if option.is_secret and (option.name in environment or environment.get(option.file_name))
        for name in (option.name, option.file_name)
    }
    for name, value in found.items():
        if name not in environment and name not in hidden:
            environment[name] = value
            _origins[name] = (value, origin)


def load(environment: Mapping[str, str]) -> Options:
    """The options as `environment` gives them. Raises `ConfigurationError` for the first bad one."""
    values: dict[str, Any] = {}
    for option in table().values():
        raw = _raw(option, environment)
        if raw is not None:
            values[option.name] = _parse(option, raw)
    options = Options(**values)
    if options.UPSTREAM_PROVIDER == "gonka" and not options.GONKA_PRIVATE_KEY:
        raise ConfigurationError(GONKA_KEY_MISSING)
    if options.UPSTREAM_PROVIDER == "crater" and not options.CRATER_FORGEFED_INBOX.strip():
        raise ConfigurationError(CRATER_INBOX_MISSING)
    return options


def require_secret(options: Options) -> None:
    """Raises `ConfigurationError` when TOKEN_SECRET is not set: nothing can be served or issued then."""
    if not options.TOKEN_SECRET:
        raise ConfigurationError(SECRET_MISSING)


def _raw(option: Option, environment: Mapping[str, str]) -> str | None:
    """The option's text, or None where the default holds."""
    raw = environment.get(option.name)
    path = environment.get(option.file_name) if option.is_secret else None
    if path:
        if raw:
            raise ConfigurationError(f"{option.name} and {option.file_name} are both set; keep one")
        try:
            return Path(path).read_text().rstrip("\r\n") or None
        except (OSError, UnicodeDecodeError) as exc:
            raise ConfigurationError(f"{option.file_name}: can't read {path!r}") from exc
    if raw == "" and option.empty is Empty.UNSET:
        return None
    return raw


def _parse(option: Option, raw: str) -> Any:
    try:
        if raw == "" and option.empty is Empty.REFUSE:
            raise ValueError
        return option.parse(raw)
    except ValueError:
        raise ConfigurationError(_complaint(option, raw)) from None


def _complaint(option: Option, raw: str) -> str:
    value, origin = _origins.get(option.name, ("", ""))
    came_from = f" from {origin}" if value == raw and origin else ""
    shown = "a value that is not shown" if option.is_secret else repr(_USER_INFO.sub("//***@", raw))
    return f"{option.name} must be {option.expected} (got {shown}{came_from})"


_current: Options | None = None


def read(directory: Path, environment: MutableMapping[str, str]) -> Options:
    """Reads files and environment and makes the result the process's options."""
    global _current
    load_files(directory, environment)
    _current = load(environment)
    return _current


def current() -> Options:
    """The options of this process: read at the first call, the same object ever after."""
    return _current or read(Path.cwd(), os.environ)
