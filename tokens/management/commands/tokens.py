"""`manage.py tokens …`: the reference's commands. Standard output holds only the result."""

from __future__ import annotations

import argparse
import json
import sys
import time
from collections.abc import Callable, Iterator
from itertools import islice
from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand, CommandParser
from django.db import DatabaseError

from tokens import fields, file_services, presenting, services
from tokens.errors import TokenError, TokenNotFound
from tokens.limits import usage
from tokens.models import Token

WIDTHS = (36, 10, 10, 10)
FAILED, NOT_FOUND = 1, 2


class Command(BaseCommand):
    requires_system_checks = ()  # quick, and a token can be revoked whatever else is misconfigured
    help = "Issue, list, show, change, revoke, expire, rotate and import client tokens."

    def add_arguments(self, parser: CommandParser) -> None:
        commands = parser.add_subparsers(dest="action", required=True, metavar="COMMAND")
        shared = CommandParser(add_help=False)
        shared.add_argument("--json", action="store_true", dest="as_json", help="print JSON")

        def command(name: str, text: str) -> CommandParser:
            return commands.add_parser(name, help=text, parents=[shared])

        _add_fields(command("issue", "make a token and print its secret, once"))
        _add_filters(command("list", "tokens, newest first"))
        command("show", "one token's record").add_argument("id", metavar="ID")
        command("revoke", "refuse a token from now on").add_argument("id", metavar="ID")
        command("expire", "the same as revoke").add_argument("id", metavar="ID")
        change = command("change", "a token's label and limits; what is not given stays")
        change.add_argument("id", metavar="ID")
        change.add_argument("--label", metavar="S")
        add_limits(change, fields.TOKEN_FIELDS)
        change.add_argument(
            "--clear", action="append", default=[], metavar="FIELD", help="lift a limit; repeatable"
        )
        rotate = command("rotate", "replace a token's secret and print the new one")
        rotate.add_argument("id", metavar="ID")
        rotate.add_argument(
            "--grace-seconds", type=int, metavar="N", help="how long the old secret lives on (3600; 0 = not)"
        )
        rotate.add_argument("--ttl-hours", type=int, metavar="N", help="as long as the old token when absent")
        command("import", "read the token files of the Rust router").add_argument(
            "directory", nargs="?", type=Path, help="the data directory by default"
        )

    def handle(self, *args: Any, **options: Any) -> None:
        """Exit status: 0, 1 when it failed, 2 when there is no such token or the usage is wrong."""
        try:
            file_services.sync_files()
            ACTIONS[options["action"]](self, options)
        except TokenNotFound as problem:
            self._fail(f"not found: {problem.token_id}", NOT_FOUND)
        except TokenError as problem:
            self._fail(f"error: {problem.message}", FAILED)
        except OSError as problem:
            self._fail(f"error: storage I/O error: {problem.strerror or problem}", FAILED)
        except DatabaseError as problem:
            self._fail(f"error: database: {problem}", FAILED)

    def issue_token(self, options: dict[str, Any]) -> None:
        names = ("ttl_hours", "label", *fields.enabled(fields.TOKEN_FIELDS))
        given = {name: options[name] for name in names if options.get(name) is not None}
        result = services.issue(**given)
        self._say(options, presenting.issued(result, time.time()), [result.secret])

    def list_tokens(self, options: dict[str, Any]) -> None:
        names = ("label", "state", "account", "group")
        filters = services.Filters(**{name: options[name] for name in names})
        tokens, now = list(islice(services.find_all(filters), options["limit"])), time.time()
        self._say(options, {"data": [presenting.record(token, now) for token in tokens]}, _table(tokens))

    def show_token(self, options: dict[str, Any]) -> None:
        token = services.get(options["id"])
        shown = json.dumps(presenting.reference_record(token), indent=2, ensure_ascii=False)
        told = {**presenting.record(token, time.time()), "usage": usage.of_token(token)}
        self._say(options, told, [shown])

    def change_token(self, options: dict[str, Any]) -> None:
        given = dict.fromkeys((name.replace("-", "_") for name in options["clear"]), None)
        names = ("label", *fields.enabled(fields.TOKEN_FIELDS))
        given |= {name: options[name] for name in names if options.get(name) is not None}
        token = services.change(options["id"], **given)
        self._say(options, presenting.record(token, time.time()), [f"changed {token.id}"])

    def revoke_token(self, options: dict[str, Any]) -> None:
        token = services.revoke(options["id"])
        self._say(options, {"revoked": token.id}, [f"revoked {token.id}"])

    def rotate_token(self, options: dict[str, Any]) -> None:
        result = services.rotate(options["id"], options["grace_seconds"], options["ttl_hours"])
        self._say(options, presenting.rotated(result, time.time()), [result.issued.secret])

    def import_files(self, options: dict[str, Any]) -> None:
        directory = options["directory"]
        report = (
            file_services.sync_files() if directory is None else file_services.import_directory(directory)
        )
        problems = [f"{problem.place}: {problem.reason}" for problem in report.problems]
        told = {"added": report.added, "revoked": report.revoked, "problems": problems}
        self._say(options, told, [f"imported {report.added} token(s), revoked {report.revoked}"])
        if problems:
            self._fail("\n".join(f"error: {problem}" for problem in problems), FAILED)

    def _say(self, options: dict[str, Any], as_json: dict[str, object], lines: list[str]) -> None:
        if options["as_json"]:
            lines = [json.dumps(as_json, indent=2, ensure_ascii=False)]
        for line in lines:
            self.stdout.write(line)

    def _fail(self, message: str, status: int) -> None:
        self.stdout.flush()
        self.stderr.write(message)
        sys.exit(status)


def _add_fields(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--ttl-hours", type=int, metavar="N", help="1 to 87600, 24 when absent")
    parser.add_argument("--label", metavar="S")
    add_limits(parser, fields.TOKEN_FIELDS)


PATTERNS = {
    "allowed_models": "names or patterns: claude-*; none given: all",
    "allowed_surfaces": "messages, chat_completions, responses, ...; none given: all",
}


def add_limits(parser: argparse.ArgumentParser, names: tuple[str, ...]) -> None:
    """A flag for each of the fields that may be set today; for groups too."""
    for name in fields.enabled(names):
        flag = f"--{name.replace('_', '-')}"
        if name in PATTERNS:
            parser.add_argument(flag, type=lambda text: text.split(","), metavar="A,B", help=PATTERNS[name])
        else:
            parser.add_argument(flag, type=_TYPES.get(name, str), metavar=_METAVARS.get(name, "N"))


_COUNTS = tuple(
    name for name in fields.TOKEN_FIELDS if name.startswith(("max_", "requests_", "input_", "output_"))
)
_TYPES: dict[str, Callable[[str], Any]] = dict.fromkeys((*_COUNTS, "budget_soft_percent"), int)
_METAVARS = {
    "account": "NAME",
    "provider": "NAME",
    "group": "NAME",
    "parent": "NAME",
    "budget_currency": "USD",
    "budget": "12.50",
}
_METAVARS |= {"budget_period": "day|week|month|never"}


def _add_filters(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--label", metavar="S", help="contained in the label")
    parser.add_argument("--state", choices=services.STATES)
    parser.add_argument("--account", metavar="NAME")
    parser.add_argument("--group", metavar="NAME")
    parser.add_argument("--limit", type=_count, metavar="N", help="the newest N; all when absent")


def _count(text: str) -> int:
    if not text.isdigit():
        raise argparse.ArgumentTypeError("must be a number")
    return int(text)


def _table(tokens: list[Token]) -> list[str]:
    rows = [("id", "issued_at", "expires_at", "revoked", "label")]
    rows += [
        (
            token.id,
            str(token.issued_at),
            str(token.expires_at),
            str(token.is_revoked).lower(),
            _one_line(token.label),
        )
        for token in tokens
    ]
    return ["  ".join(_padded(row)) for row in rows]


def _padded(row: tuple[str, ...]) -> Iterator[str]:
    for value, width in zip(row, WIDTHS, strict=False):
        yield value.ljust(width)
    yield row[-1]


def _one_line(label: str) -> str:
    """A label must not break the table, nor speak to the terminal."""
    return "".join(
        letter if letter.isprintable() else letter.encode("unicode_escape").decode() for letter in label
    )


ACTIONS: dict[str, Callable[[Command, dict[str, Any]], None]] = {
    "issue": Command.issue_token,
    "list": Command.list_tokens,
    "show": Command.show_token,
    "change": Command.change_token,
    "revoke": Command.revoke_token,
    "expire": Command.revoke_token,
    "rotate": Command.rotate_token,
    "import": Command.import_files,
}
