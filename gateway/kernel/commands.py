"""The frame of our management commands: subcommands, `--json` everywhere, errors as exit statuses.

Standard output holds only the result; what went wrong stands on standard error, with `--json` as `{"error": text}`.
"""

from __future__ import annotations

import getpass
import json
import sys
from abc import ABC, abstractmethod
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, ClassVar, Literal, NoReturn

from django.core.management.base import BaseCommand, CommandParser
from django.db import DatabaseError

from gateway.kernel.arguments import Declare
from gateway.kernel.asking import BadParameter

FAILED, NOT_FOUND = 1, 2  # exit statuses; a wrong usage is 2 too


@dataclass(frozen=True, slots=True)
class Failure:
    """Words on standard error for a kind of error, and the exit status."""

    error: type[Exception]
    tell: Callable[[Any], str]
    status: int = FAILED


DATABASE_FAILURE = Failure(DatabaseError, lambda problem: f"error: database: {problem}")


class ResultCommand(BaseCommand):
    """A command with one result, for people or as JSON."""

    declare: Declare
    """Declares its arguments, without Django."""
    requires_system_checks: (
        tuple[str, ...] | Literal["__all__"]
    ) = ()  # quick, and it works whatever else is misconfigured
    json_form: ClassVar[dict[str, Any]] = {"indent": 2, "ensure_ascii": False}
    tells_json = False

    def execute(self, *args: Any, **options: Any) -> str | None:
        self.tells_json = bool(options.get("as_json"))
        return super().execute(*args, **options)

    def add_arguments(self, parser: CommandParser) -> None:
        type(self).declare(parser)

    @property
    def is_read_by_people(self) -> bool:
        """Tell whether the result goes to a terminal: times may be words there, and are exact for programs."""
        return self.stdout.isatty()

    def say(self, options: dict[str, Any], document: object, lines: Sequence[str]) -> None:
        """Print the result: `document` with `--json`, else `lines`."""
        if options["as_json"]:
            lines = [json.dumps(document, **self.json_form)]
        for line in lines:
            self.stdout.write(line)

    def fail(self, text: str, status: int = FAILED) -> NoReturn:
        """Print `text` on standard error and end."""
        self.stdout.flush()
        if self.tells_json:
            text = json.dumps({"error": text.removeprefix("error: ")}, ensure_ascii=False)
        self.stderr.write(text)
        sys.exit(status)


class ListCommand(ResultCommand, ABC):
    """A command that shows a list: `show` prints it. A filter that can't be taken is a wrong usage, status 2."""

    @abstractmethod
    def show(self, options: dict[str, Any]) -> None:
        """Print the list."""

    def handle(self, *args: Any, **options: Any) -> None:
        try:
            self.show(options)
        except BadParameter as problem:
            self.fail(f"error: {problem}", NOT_FOUND)
        except DatabaseError as problem:
            self.fail(DATABASE_FAILURE.tell(problem))


class ActionCommand(ResultCommand):
    """A command of subcommands: `do_list` does what `list` says.

    Exit status: 0, 1 when it failed, 2 when there is no such thing or the usage is wrong.
    """

    failures: ClassVar[tuple[Failure, ...]] = ()
    """Of the app's errors, the narrower ones first. A database that fails is told after all of them."""

    def prepare(self) -> None:
        """Do what comes before every subcommand."""

    def handle(self, *args: Any, **options: Any) -> None:
        failures = (*self.failures, DATABASE_FAILURE)
        try:
            self.prepare()
            getattr(self, f"do_{options['action'].replace('-', '_')}")(options)
        except tuple(failure.error for failure in failures) as problem:
            failure = next(failure for failure in failures if isinstance(problem, failure.error))
            self.fail(failure.tell(problem), failure.status)


def columns(row: Sequence[str], widths: Sequence[int]) -> str:
    """Return a line of a table. `widths` are those of all cells but the last, which is free."""
    return "  ".join([*(cell.ljust(width) for cell, width in zip(row[:-1], widths, strict=True)), row[-1]])


def read_secret(what: str) -> str:
    """Read from a terminal without echo, else a line of standard input: arguments are seen by every process."""
    return getpass.getpass(f"{what}: ") if sys.stdin.isatty() else sys.stdin.readline().rstrip("\r\n")
