"""Reads the options once: flag > environment > `.lenv` > `.env` > default. No Django.

`manage.py` calls `take_flags` before Django looks at its settings; flags and files become environment
variables, so that worker processes and libraries (proxies, provider keys) see the same.
"""

from __future__ import annotations

import io
import logging
import os
import re
from collections.abc import Mapping, MutableMapping, Sequence
from pathlib import Path
from typing import Any

import environ

from gateway.config import trackers
from gateway.config.options import ConfigurationError, Empty, Option
from gateway.config.table import Options, flags, table
from gateway.kernel import regular
from gateway.kernel.parts import PARTS, Key
from gateway.kernel.regular import is_unicode
from providers.fields import own_secrets
from providers.gonka import modes as gonka

origins: dict[str, tuple[str, str]] = {}
"""Value and origin of what did not come from the environment itself: for error texts only."""

left_out: list[str] = []
"""Files of settings that could not be read, and why: `serve` and `doctor` tell."""

INSTALLATION = Path(__file__).resolve().parents[2]

_found: list[Path] = []
"""Files of settings that were read."""

_USER_INFO = re.compile(r"//[^/@]*@")

CRATER_INBOX_MISSING = "Crater provider requires CRATER_FORGEFED_INBOX"
SECRET_MISSING = "TOKEN_SECRET environment variable is required"  # noqa: S105 - a message


def take_flags(arguments: Sequence[str], environment: MutableMapping[str, str]) -> list[str]:
    """Move our flags from `arguments` into `environment`; return the arguments that are left.

    Flags may stand before or after the subcommand, as `--flag value` or `--flag=value`; everything
    behind `--` is left alone. A list may be given in parts, a flag each. Raises `ConfigurationError` for any other
    flag given twice, and for one without its value.
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
        is_again = option.name in given
        if is_again and not option.is_list:
            raise ConfigurationError(f"{flag} is given more than once")
        given.add(option.name)
        if not has_value and option.is_switch:
            value = "true"
        elif not has_value:
            if not waiting:
                raise ConfigurationError(f"{flag} needs a value")
            value = waiting.pop(0)
        if is_again:
            value = f"{environment.get(option.name, '')},{value}"
        _set_from_flag(option, flag, value, environment)
    return rest


def _set_from_flag(option: Option, flag: str, value: str, environment: MutableMapping[str, str]) -> None:
    environment.pop(option.name, None)
    environment.pop(option.file_name, None)
    name = option.file_name if flag == option.file_flag else option.name
    environment[name] = value
    origins[name] = (value, flag)


def load_files(directory: Path, environment: MutableMapping[str, str]) -> None:
    """Add what `.lenv` and `.env` in `directory` say and `environment` does not say yet.

    A name and its `_FILE` form are one: a level that gives either hides the other in the levels below.
    """
    left_out.clear()
    _found.clear()
    for name, reader in ((".lenv", read_lenv), (".env", read_env)):
        content = _read(directory / name)
        if content is not None:
            _found.append(directory / name)
            _add(reader(content), name, environment)


def _read(path: Path) -> str | None:
    """Return the text of a file of settings; None when there is none. One that is no text is left out, and told."""
    if not os.path.lexists(path) or path.is_dir():
        return None
    try:
        raw = regular.read(path, regular.SMALL_BYTES)
    except (FileNotFoundError, PermissionError):
        return None
    except OSError as exc:
        left_out.append(f"{path.name} is left out: {exc.strerror}")
        return None
    try:
        return raw.decode()
    except UnicodeDecodeError as exc:
        line = raw.count(b"\n", 0, exc.start) + 1
        left_out.append(f"{path.name} is left out: line {line} is not UTF-8 text")
        return None


def read_lenv(content: str) -> dict[str, str]:
    """Read `KEY: value` lines, the reference's own form: the value is verbatim, the last duplicate wins.

    Lines that can't name a variable (empty key, `=` in it, a zero byte) are skipped: the reference
    aborts there, and a stray line is no reason not to start.
    """
    found: dict[str, str] = {}
    for line in content.split("\n"):
        line = line.removesuffix("\r")
        key, separator, value = line.partition(": ")
        key = key.strip()
        if not separator or not key or key.startswith("#"):
            continue
        if "=" not in key and "\0" not in line:
            found[key] = value
    return found


def read_env(content: str) -> dict[str, str]:
    r"""Read `KEY=value` lines as django-environ does: nothing is expanded, the last duplicate wins.

    A line that is neither that nor a comment is skipped and told by its number. Of an option of several lines
    `\n` is a line end.
    """
    found: dict[str, str] = {}
    reader: Any = type("Reader", (environ.Env,), {"ENVIRON": found})  # its own would be the process's
    bad_lines = _BadLines(content)
    _environ_log.addFilter(bad_lines)
    try:
        reader.read_env(io.StringIO(content))
    finally:
        _environ_log.removeFilter(bad_lines)
    for name in (option.name for option in table().values() if option.is_multiline and option.name in found):
        found[name] = found[name].replace("\\n", "\n")
    return found


_environ_log = logging.getLogger("environ.environ")


class _BadLines(logging.Filter):
    """Say the number of a line that can't be read where django-environ would log the line: it may be a secret."""

    def __init__(self, content: str) -> None:
        super().__init__()
        self._lines = content.splitlines()

    def filter(self, record: logging.LogRecord) -> bool:
        if record.levelno < logging.WARNING or not isinstance(record.args, tuple):
            return False
        (line,) = record.args
        number = self._lines.index(str(line)) + 1
        record.msg, record.args = ".env: line %d is no KEY=value and is skipped", (number,)
        return not re.match(r"\s*(#|\Z)", str(line))


def _add(found: Mapping[str, str], origin: str, environment: MutableMapping[str, str]) -> None:
    hidden = {
        name
        for option in table().values()
        if option.is_secret and (option.name in environment or environment.get(option.file_name))
        for name in (option.name, option.file_name)
    }
    for name, value in found.items():
        if name not in environment and name not in hidden and "\0" not in value:  # no variable can hold one
            try:
                environment[name] = value
            except ValueError:  # letters that the system's encoding lacks
                continue
            origins[name] = (value, origin)


def load(environment: Mapping[str, str]) -> Options:
    """Return the options as `environment` gives them. Raises `ConfigurationError` for the first bad one."""
    values: dict[str, Any] = {}
    for option in table().values():
        raw = _raw(option, environment)
        if raw is not None:
            values[option.name] = _parse(option, raw)
    options = Options(**values)
    if options.UPSTREAM_PROVIDER == "gonka" and (problem := gonka.missing(options)):
        raise ConfigurationError(problem)
    if options.UPSTREAM_PROVIDER == "crater" and not options.CRATER_FORGEFED_INBOX.strip():
        raise ConfigurationError(CRATER_INBOX_MISSING)
    if options.UPSTREAM_PROVIDER == "crater":
        trackers.check(options)
    _check_key_variable(options.OPENAI_COMPATIBLE_API_KEY_ENV)
    return options


def _check_key_variable(name: str) -> None:
    """No provider is called with a secret of ours."""
    own = frozenset(option.name for option in table().values() if option.is_secret)
    if own_secrets.is_among(name, own):
        raise ConfigurationError(f"OPENAI_COMPATIBLE_API_KEY_ENV: {own_secrets.problem(name)}")


def require_secret(options: Options) -> None:
    """Raise `ConfigurationError` when TOKEN_SECRET is not set: nothing can be served or issued then."""
    if not options.TOKEN_SECRET:
        raise ConfigurationError("; ".join([SECRET_MISSING, *left_out]))


def _raw(option: Option, environment: Mapping[str, str]) -> str | None:
    """Return the option's text, or None where the default holds."""
    raw = environment.get(option.name)
    path = environment.get(option.file_name) if option.is_secret else None
    if path:
        if raw:
            raise ConfigurationError(f"{option.name} and {option.file_name} are both set; keep one")
        return _secret_of(option, Path(path))
    if raw is not None and not is_unicode(raw):
        raise ConfigurationError(f"{option.name} is not UTF-8 text")
    if raw == "" and option.empty is Empty.UNSET:
        return None
    return raw


def _secret_of(option: Option, path: Path) -> str | None:
    problem = f"{option.file_name}: can't read {str(path)!r}"
    try:
        return regular.read(path, regular.SMALL_BYTES).decode().rstrip("\r\n") or None
    except OSError as exc:
        raise ConfigurationError(f"{problem}: {exc.strerror}") from exc
    except ValueError:  # its text would show the bytes
        raise ConfigurationError(f"{problem}: it is not UTF-8 text") from None


def _parse(option: Option, raw: str) -> Any:
    try:
        if raw == "" and option.empty is Empty.REFUSE:
            raise ValueError
        return option.parse(raw)
    except ValueError:
        raise ConfigurationError(_complaint(option, raw)) from None


def _complaint(option: Option, raw: str) -> str:
    value, origin = origins.get(option.name, ("", ""))
    came_from = f" from {origin}" if value == raw and origin else ""
    shown = "a value that is not shown" if option.is_secret else repr(_USER_INFO.sub("//***@", raw))
    return f"{option.name} must be {option.expected} (got {shown}{came_from})"


OPTIONS: Key[Options] = Key("options")


def read(directory: Path, environment: MutableMapping[str, str]) -> Options:
    """Read files and environment and make the result the process's options."""
    load_files(directory, environment)
    options = load(environment)
    PARTS.put(OPTIONS, options)
    return options


def current() -> Options:
    """Return the options of this process: read at the first call, the same object ever after."""
    return PARTS.get(OPTIONS) or read(folder(Path.cwd(), os.environ), os.environ)


def folder(here: Path, environment: Mapping[str, str]) -> Path:
    """Return where `.lenv` and `.env` are read: `here`, if it has either, else the installation's folder.

    That is ROUTER_HOME, by default the folder of `manage.py`. Never a parent of `here`.
    """
    if any(map(os.path.lexists, (here / ".lenv", here / ".env"))):
        return here
    return Path(environment.get("ROUTER_HOME") or INSTALLATION)


def files_in_use() -> list[Path]:
    """Return the files that `read` found, for `serve` and `doctor` to tell."""
    return list(_found)
