"""The command `serve`: checks, migrates, and serves until a signal.

Every option of the gateway is its flag.
"""

from __future__ import annotations

import json
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
from django.core.management.sql import emit_post_migrate_signal
from django.db import Error as DatabaseError
from django.db import connection, connections
from django.db.migrations.executor import MigrationExecutor

from gateway import VERSION
from gateway.config import checks, reading
from gateway.config.table import table
from gateway.console import served
from gateway.console.doctor import WORDS
from gateway.management import arguments, first_link
from gateway.payments.checks import paying
from gateway.servers import runner
from gateway.servers.collector import uncollected
from gateway.servers.errors import ServeError
from gateway.servers.options import ServeOptions

logger = logging.getLogger("gateway.serve")

APPLICATION = "gateway.asgi:application"
MIGRATION_LOCK = 0x6C615F736B  # "la_sk": one instance at a time migrates
EXIT_CONFIGURATION = 2


class Command(BaseCommand):
    """Starts the HTTP server."""

    help = "Start the HTTP server."
    requires_system_checks = ()
    secret = ""  # of the link by which the first admin is made
    tells_json = False

    def add_arguments(self, parser: CommandParser) -> None:
        parser.usage = "%(prog)s [options]"
        arguments.serve(parser)

    def handle(self, *args: Any, **options: Any) -> None:
        if any(name in options for name in table()):
            raise CommandError("flags are read by router and manage.py; start the gateway with one of them")
        self.tells_json = options["as_json"]
        with uncollected():
            self.check()  # Django's own: what is broken shows now, not at the first request
        self.refuse_bad_configuration()
        self.say_what_starts()
        try:
            migrate()
            self.secret = first_link.needed()
            leave_no_connection()
        except (DatabaseError, OSError) as exc:
            raise CommandError(f"server error: the database does not answer: {exc}", returncode=1) from exc
        try:
            status = runner.run(settings.GATEWAY.SERVER, APPLICATION, self.serve_options())
        except ServeError as exc:
            raise CommandError(f"server error: {exc}", returncode=1) from exc
        sys.exit(status)

    def serve_options(self) -> ServeOptions:
        options = settings.GATEWAY
        return ServeOptions(
            host=options.ROUTER_HOST,
            port=options.ROUTER_PORT,
            workers=options.WORKERS,
            max_body_bytes=options.MAX_BODY_BYTES,
            drain_seconds=options.DRAIN_SECONDS,
            drain_delay_seconds=options.DRAIN_DELAY_SECONDS,
            on_listening=self.say_where,
        )

    def refuse_bad_configuration(self) -> None:
        """Log warnings; end the process with status 2 on an error."""
        problems = [*checks.serving(), *paying()]
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
        """Log what starts, in the reference's lines, on standard error."""
        options = settings.GATEWAY
        logger.info("Link.Assistant.Router v%s on %s", VERSION, options.SERVER)
        if options.VERBOSE:
            logger.info("Verbose logging enabled")
        logger.info("Upstream: %s", options.UPSTREAM_BASE_URL)
        logger.info("Upstream provider: %s", WORDS[options.UPSTREAM_PROVIDER])
        logger.info("Claude Code home: %s", options.CLAUDE_CODE_HOME)
        logger.info("Routing mode: %s", options.ROUTING_MODE.capitalize())
        logger.info("Storage policy: %s", options.STORAGE_POLICY.capitalize())
        public = options.PUBLIC_URL
        logger.info(
            "People sign in %s", f"at {public}" if public else "on this machine only, without PUBLIC_URL"
        )
        for path in reading.files_in_use():
            logger.info("Settings from %s", path)

    def say_where(self, url: str) -> None:
        """Print the addresses, once connections are accepted; `doctor` finds them, too."""
        served.note(settings.GATEWAY.DATA_DIR, url)
        manage = f"{_from_here(sys.executable)} {_from_here(str(reading.INSTALLATION / 'manage.py'))}"
        installed = Path(sys.executable).with_name("router")
        router = _from_here(str(installed)) if installed.exists() else manage
        address = url.replace("//0.0.0.0:", "//127.0.0.1:").replace("//[::]:", "//[::1]:")
        places = {"listening": url, "health": f"{address}/health", "admin": f"{address}/admin/"}
        self.stdout.write(
            json.dumps({**places, "api": f"{address}/api/docs"})
            if self.tells_json
            else f"Listening on {url}\n"
            f"  health       {places['health']}\n"
            f"  admin        {places['admin']}     (without a page: {manage} createsuperuser)\n"
            f"  API          {address}/api/docs\n"
            f"  a token      {router} tokens issue --label me\n"
            f"  Claude Code  ANTHROPIC_BASE_URL={address} ANTHROPIC_AUTH_TOKEN=<the token> claude\n"
        )
        self.stdout.flush()
        if self.secret:
            sys.stderr.write(f"No admin yet; make the first one at {first_link.address(url, self.secret)}\n")
            sys.stderr.flush()


def _from_here(path: str) -> str:
    """Return a path as one would type it: relative when it lies below the current directory."""
    absolute = Path(path).absolute()
    return str(absolute.relative_to(Path.cwd())) if absolute.is_relative_to(Path.cwd()) else path


def migrate() -> None:
    """Bring the database up to date, one instance at a time, and leave no connection open."""
    with _migration_lock():
        executor = MigrationExecutor(connection)
        if executor.migration_plan(executor.loader.graph.leaf_nodes()):
            call_command("migrate", interactive=False, verbosity=0)
        else:  # the command would build every model's past anew; permissions may lack, if the last start was killed
            emit_post_migrate_signal(verbosity=0, interactive=False, db=connection.alias)
    leave_no_connection()


def leave_no_connection() -> None:
    """Close what is open: workers that are made of this process must not share it."""
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
