"""The report of `doctor`: the configuration as it is understood, then every store and account looked into.

Labels and order are the reference's as far as it has them. Nothing is created or changed. With `online`,
upstreams are asked, too.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path

import httpx
from django.conf import settings
from django.core.checks import ERROR
from django.db import DatabaseError, connection
from django.db.migrations.executor import MigrationExecutor

from accounts import doctor as accounts
from gateway.config import checks, reading
from gateway.console import served
from gateway.kernel import regular
from gateway.kernel.findings import Finding
from gateway.kernel.redaction import redact
from gateway.payments.checks import paying
from providers import doctor as providers
from tokens.files import binary, lino, mirror
from tokens.files.types import Contents

WIDE = 24  # the reference's second, wider column
TIMEOUT_SECONDS = 10.0
UNSET, EMPTY = "<unset>", "<empty>"

WORDS = {
    "anthropic": "Anthropic",
    "gonka": "Gonka",
    "crater": "Crater",
    "openai-compatible": "OpenAICompatible",
}
_READERS: dict[str, tuple[str, Callable[[bytes], Contents]]] = {
    mirror.LINO: ("lino store", lino.read),
    mirror.BINARY: ("binary store", binary.read),
}


def report(online: bool) -> Iterator[Finding]:
    """Yield the report line by line. A finding that is wrong says so in `is_problem`."""
    yield from configuration()
    database, has_rows = look_at_database()
    yield from accounts.doctor_lines(online, None if has_rows else [])
    yield from look_at_files()
    files = ", ".join(map(str, reading.files_in_use()))
    yield _wide("settings files", files or "none: .lenv and .env are in neither folder")
    if (address := served.address(settings.GATEWAY.DATA_DIR)) is not None:
        yield _wide("served at", address)
    yield from look_at_providers(online, has_rows)
    yield database
    yield from warnings()
    if online:
        yield ask_upstream()


def configuration() -> Iterator[Finding]:
    """Return the settings that decide where calls come in and go out."""
    options = settings.GATEWAY
    values = {
        "listen_addr": f"{options.ROUTER_HOST}:{options.ROUTER_PORT}",
        "upstream_base_url": options.UPSTREAM_BASE_URL,
        "upstream_provider": WORDS[options.UPSTREAM_PROVIDER],
        "openai_provider": f"{options.OPENAI_COMPATIBLE_PROVIDER_NAME} ({options.OPENAI_COMPATIBLE_BASE_URL})",
        "crater_inbox": options.CRATER_FORGEFED_INBOX if options.CRATER_FORGEFED_INBOX.strip() else UNSET,
        "crater_actor": (options.CRATER_FORGEFED_ACTOR or f"{settings.ACTOR_BASE_URL}/actor/code").rstrip(
            "/"
        ),
        "claude_code_home": str(options.CLAUDE_CODE_HOME),
        "routing_mode": options.ROUTING_MODE.capitalize(),
        "storage_policy": options.STORAGE_POLICY.capitalize(),
        "data_dir": str(options.DATA_DIR),
        "enable_openai_api": _word(not options.DISABLE_OPENAI_API),
        "enable_anthropic_api": _word(not options.DISABLE_ANTHROPIC_API),
        "enable_metrics": _word(not options.DISABLE_METRICS),
        "additional_account_dirs": f"{len(options.ADDITIONAL_ACCOUNT_DIRS)} configured",
        "admin_key": "set" if options.TOKEN_ADMIN_KEY else UNSET,
        "mpp_openai_charge": "enabled" if _charges() else "disabled",
    }
    return (Finding(label, redact(text)) for label, text in values.items())


def look_at_files() -> Iterator[Finding]:
    """Report the data directory, the token files of the storage policy, the provider file, spooled usage."""
    directory: Path = settings.GATEWAY.DATA_DIR
    is_there = directory.is_dir()
    yield _wide("data_dir", "present" if is_there else "will be created on first write")
    for name in mirror.FILES_OF_POLICY[settings.GATEWAY.STORAGE_POLICY]:
        label, read = _READERS[name]
        yield _token_file(label, directory / name, read)
    store = directory / "providers.lenv"
    yield Finding("provider store", f"{store} ({'present' if store.exists() else EMPTY})")
    spools = list(directory.glob("usage-*.spool")) if is_there else []
    if spools:
        size = sum(path.stat().st_size for path in spools)
        yield _wide("usage spool", f"{directory} ({len(spools)} files, {size} bytes waiting to be written)")


def look_at_providers(online: bool, has_rows: bool) -> Iterator[Finding]:
    """Report every provider; what a log may not show is not in the lines."""
    for finding in providers.doctor_lines(online, None if has_rows else []):
        yield replace(finding, text=redact(finding.text))


def _token_file(label: str, path: Path, read: Callable[[bytes], Contents]) -> Finding:
    try:
        contents = read(regular.read(path, regular.LARGE_BYTES))
    except FileNotFoundError:
        return _wide(label, f"{path} ({EMPTY})")
    except OSError as error:
        return _wide(label, f"{path} (UNREADABLE: {error.strerror})", is_problem=True)
    if contents.problems:
        first, count = contents.problems[0], len(contents.problems)
        text = f"{path} (DAMAGED in {count} places; {first.place}: {first.reason})"
        return _wide(label, redact(text), is_problem=True)
    return _wide(label, f"{path} (present)")


def look_at_database() -> tuple[Finding, bool]:
    """Return the finding, and whether rows can be read. A SQLite file that is not there is not made."""
    place, is_sqlite = str(connection.settings_dict["NAME"]), connection.vendor == "sqlite"
    if not is_sqlite:
        place = f"{place} at {connection.settings_dict['HOST'] or 'a local socket'}"
    if is_sqlite and "memory" not in place and not Path(place).exists():
        return _wide("database", f"{place} (will be created by serve)"), False
    try:
        executor = MigrationExecutor(connection)
        waiting = len(executor.migration_plan(executor.loader.graph.leaf_nodes()))
    except (DatabaseError, OSError) as error:
        reason = redact(str(error).strip().split("\n")[0])
        return _wide("database", f"{place} (AWAY: {reason})", is_problem=True), False
    if waiting:
        return _wide("database", f"{place} ({waiting} migrations to apply: serve does)"), False
    return _wide("database", f"{place} ({connection.vendor}, current)"), True


def warnings() -> Iterator[Finding]:
    """Report what `serve` would log as a warning, or refuse."""
    for problem in (*checks.serving(), *paying()):
        hint = f" ({problem.hint})" if problem.hint else ""
        yield _wide("configuration", f"{problem.msg}{hint}", is_problem=problem.level >= ERROR)


def ask_upstream() -> Finding:
    """Report whether the Anthropic upstream answers at all; any answer will do."""
    url, began = settings.GATEWAY.UPSTREAM_BASE_URL, time.monotonic()
    try:
        with httpx.stream("GET", url, timeout=TIMEOUT_SECONDS, follow_redirects=False) as answer:
            status = answer.status_code  # its body is not asked for
    except (httpx.HTTPError, httpx.InvalidURL) as error:
        return _wide("upstream", redact(f"{url} (UNREACHABLE: {error})"), is_problem=True)
    return _wide(
        "upstream", redact(f"{url} (reachable: {status} in {(time.monotonic() - began) * 1000:.0f} ms)")
    )


def _wide(label: str, text: str, is_problem: bool = False) -> Finding:
    return Finding(label.ljust(WIDE), text, is_problem)


def _word(is_on: bool) -> str:
    return "true" if is_on else "false"


def _charges() -> bool:
    options = settings.GATEWAY
    needed = (options.MPP_AMOUNT, options.MPP_CURRENCY, options.MPP_RECIPIENT)
    return options.MPP_ENABLE and all(text.strip() for text in needed)
