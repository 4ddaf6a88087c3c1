"""`manage.py serve`: checks, migrates, and serves until a signal. Every option of the gateway is a flag of it."""

from __future__ import annotations

import argparse
import logging
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from django.conf import settings
from django.core.checks import ERROR
from django.core.management import call_command
from django.core.management.base import BaseCommand, CommandError, CommandParser
from django.db import Error as DatabaseError
from django.db import connection, connections

from gateway import checks
from gateway.doctor import WORDS
from gateway.option_table import table
from gateway.options import Option
from gateway.servers import runner
from gateway.servers.errors import ServeError
from gateway.servers.options import ServeOptions

logger = logging.getLogger("gateway.serve")

APPLICATION = "gateway.asgi:application"
MIGRATION_LOCK = 0x6C615F736B  # "la_sk": one instance at a time migrates
EXIT_CONFIGURATION = 2


class Command(BaseCommand):
    help = "Start the HTTP server."
    requires_system_checks = ()

    def add_arguments(self, parser: CommandParser) -> None:
        parser.usage = "manage.py serve [options]"
        add_options(parser)

    def handle(self, *args: Any, **options: Any) -> None:
        if any(name in options for name in table()):
            raise CommandError("flags are read by manage.py; start the gateway with it")
        self.check()  # Django's own: what is broken shows now, not at the first request
        self.refuse_bad_configuration()
        self.say_what_starts()
        try:
            migrate()
        except (DatabaseError, OSError) as exc:
            raise CommandError(f"server error: the database does not answer: {exc}", returncode=1) from exc
        serve_options = ServeOptions(
            host=settings.ROUTER_HOST,
            port=settings.ROUTER_PORT,
            workers=settings.WORKERS,
            max_body_bytes=settings.MAX_BODY_BYTES,
            drain_seconds=settings.DRAIN_SECONDS,
            drain_delay_seconds=settings.DRAIN_DELAY_SECONDS,
            on_listening=self.say_where,
        )
        try:
            status = runner.run(settings.SERVER, APPLICATION, serve_options)
        except ServeError as exc:
            raise CommandError(f"server error: {exc}", returncode=1) from exc
        sys.exit(status)

    def refuse_bad_configuration(self) -> None:
        """Warnings are logged; an error ends the process with status 2."""
        problems = checks.serving()
        for problem in problems:
            if problem.level < ERROR:
                logger.warning("%s", problem.msg)
        errors = [problem for problem in problems if problem.level >= ERROR]
        for problem in errors:
            hint = f" ({problem.hint})" if problem.hint else ""
            self.stderr.write(f"Configuration error: {problem.msg}{hint}")
        if errors:
            sys.exit(EXIT_CONFIGURATION)

    def say_what_starts(self) -> None:
        """The reference's lines, on standard error."""
        logger.info("Link.Assistant.Router v%s on %s", settings.VERSION, settings.SERVER)
        if settings.VERBOSE:
            logger.info("Verbose logging enabled")
        logger.info("Upstream: %s", settings.UPSTREAM_BASE_URL)
        logger.info("Upstream provider: %s", WORDS[settings.UPSTREAM_PROVIDER])
        logger.info("Claude Code home: %s", settings.CLAUDE_CODE_HOME)
        logger.info("Routing mode: %s", settings.ROUTING_MODE.capitalize())
        logger.info("Storage policy: %s", settings.STORAGE_POLICY.capitalize())

    def say_where(self, url: str) -> None:
        """Called once connections are accepted."""
        manage = f"{_from_here(sys.executable)} {_from_here(sys.argv[0])}"
        address = url.replace("//0.0.0.0:", "//127.0.0.1:").replace("//[::]:", "//[::1]:")
        self.stdout.write(
            f"Listening on {url}\n"
            f"  health       {address}/health\n"
            f"  admin        {address}/admin/     (first: {manage} createsuperuser)\n"
            f"  API          {address}/api/docs\n"
            f"  a token      {manage} tokens issue --label me\n"
            f"  Claude Code  ANTHROPIC_BASE_URL={address} ANTHROPIC_AUTH_TOKEN=<the token> claude\n"
        )
        self.stdout.flush()


def _from_here(path: str) -> str:
    """As one would type it: relative when it lies below the current directory."""
    absolute = Path(path).absolute()
    return str(absolute.relative_to(Path.cwd())) if absolute.is_relative_to(Path.cwd()) else path


def migrate() -> None:
    """Brings the database up to date, one instance at a time, and leaves no connection open."""
    with _migration_lock():
        call_command("migrate", interactive=False, verbosity=0)
    connections.close_all()
    wrapper: Any = connection
    if wrapper.vendor == "postgresql":
        wrapper.close_pool()


@contextmanager
def _migration_lock() -> Iterator[None]:
    if connection.vendor != "postgresql":
        yield
        return
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_advisory_lock(%s)", [MIGRATION_LOCK])
    try:
        yield
    finally:
        with connection.cursor() as cursor:
            cursor.execute("SELECT pg_advisory_unlock(%s)", [MIGRATION_LOCK])


def add_options(parser: argparse.ArgumentParser) -> None:
    """The gateway's flags, for `--help`: names and defaults, never a value that is set."""
    group = parser.add_argument_group(
        "gateway options", "Also accepted by every other command, before or after its name."
    )
    for option in table().values():
        form: dict[str, Any] = {"action": "store_true"} if option.is_switch else {"metavar": "X"}
        help_text = describe(option).replace("%", "%%")
        group.add_argument(option.flag, dest=option.name, default=argparse.SUPPRESS, help=help_text, **form)


def describe(option: Option) -> str:
    """One line of help."""
    parts = [option.help, f"[env: {option.name}]"]
    if option.is_secret:
        parts.append(f"[or {option.file_flag}, {option.file_name}: a file with it]")
    if option.values and not option.is_switch:
        parts.append(f"[{', '.join(option.values)}]")
    if option.default_text and not option.is_switch:
        parts.append("[default: {}]".format(option.default_text.replace("\n", " ")))
    return " ".join(parts)
