"""`manage.py routes …`: which model goes where, and the chain that a call would take."""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Callable
from typing import Any

from django.core.management.base import BaseCommand, CommandParser
from django.db import DatabaseError

from providers import chains, presenting, route_services
from providers.errors import ProviderError, UnknownRoute
from providers.models import Route

WIDTHS = (32, 20, 32, 8)
FAILED, NOT_FOUND = 1, 2


class Command(BaseCommand):
    requires_system_checks = ()
    help = "List, add, remove and test routes: model pattern → provider, its model there, fallbacks."

    def add_arguments(self, parser: CommandParser) -> None:
        commands = parser.add_subparsers(dest="action", required=True, metavar="COMMAND")
        shared = CommandParser(add_help=False)
        shared.add_argument("--json", action="store_true", dest="as_json", help="print JSON")

        def command(name: str, text: str) -> argparse.ArgumentParser:
            made: argparse.ArgumentParser = commands.add_parser(name, help=text, parents=[shared])
            return made

        command("list", "every route, in the order in which they are tried")
        _add_fields(command("add", "add a route or replace one"))
        command("remove", "delete a route").add_argument("model", metavar="MODEL")
        test = command("test", "print the chain that a call for MODEL would take")
        test.add_argument("model", metavar="MODEL")
        test.add_argument("--surface", default="messages", choices=tuple(chains.DIALECTS))
        test.add_argument("--provider", metavar="NAME", help="as for a token that is tied to it")

    def handle(self, *args: Any, **options: Any) -> None:
        """Exit status: 0, 1 when it failed, 2 when there is no such route or the usage is wrong."""
        try:
            ACTIONS[options["action"]](self, options)
        except UnknownRoute as problem:
            self._fail(f"not found: {problem.model}", NOT_FOUND)
        except ProviderError as problem:
            self._fail(f"error: {problem}", FAILED)
        except DatabaseError as problem:
            self._fail(f"error: database: {problem}", FAILED)

    def list_all(self, options: dict[str, Any]) -> None:
        rows = route_services.listed()
        table = [("model", "provider", "upstream_model", "priority", "fallbacks"), *map(_cells, rows)]
        self._say(options, {"data": [presenting.route(row) for row in rows]}, list(map(_line, table)))

    def add(self, options: dict[str, Any]) -> None:
        record = presenting.route(
            route_services.upsert({name: options[name] for name in FIELDS if options[name] is not None})
        )
        self._say(options, record, [json.dumps(record, indent=2, ensure_ascii=False)])

    def remove(self, options: dict[str, Any]) -> None:
        route_services.remove(options["model"])
        self._say(options, {"deleted": options["model"]}, [f"removed {options['model']}"])

    def test(self, options: dict[str, Any]) -> None:
        told = chains.chain(options["model"], options["surface"], options["provider"])
        self._say(options, told, [_told(number, step) for number, step in enumerate(told["chain"], start=1)])

    def _say(self, options: dict[str, Any], document: object, lines: list[str]) -> None:
        if options["as_json"]:
            lines = [json.dumps(document, ensure_ascii=False)]
        for line in lines:
            self.stdout.write(line)

    def _fail(self, text: str, status: int) -> None:
        self.stdout.flush()
        self.stderr.write(text)
        sys.exit(status)


FIELDS = ("model", "provider", "upstream_model", "fallbacks", "priority", "listed", "display_name")


def _add_fields(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--model", required=True, metavar="PATTERN", help="a name, or a pattern with *")
    parser.add_argument("--provider", required=True, metavar="NAME")
    parser.add_argument("--upstream-model", metavar="M", help="its name there, when it is another")
    parser.add_argument(
        "--fallback", dest="fallbacks", action="append", type=_fallback, metavar="PROVIDER[:MODEL]"
    )
    parser.add_argument("--priority", type=int, metavar="N", help="lower goes first; 100 when not given")
    parser.add_argument(
        "--hidden", dest="listed", action="store_false", default=None, help="not in /v1/models"
    )
    parser.add_argument("--display-name", metavar="TEXT")


def _fallback(text: str) -> dict[str, str]:
    provider, _, model = text.partition(":")
    return {"provider": provider, "model": model}


def _cells(row: Route) -> tuple[str, ...]:
    fallbacks = ", ".join(":".join(filter(None, (one["provider"], one["model"]))) for one in row.fallbacks)
    return (row.model, row.provider, row.upstream_model or "(as asked)", str(row.priority), fallbacks)


def _line(row: tuple[str, ...]) -> str:
    padded = [f"{cell:<{width}}" for cell, width in zip(row, WIDTHS, strict=False)]
    return "  ".join([*padded, row[-1]])


def _told(number: int, step: dict[str, Any]) -> str:
    probe = ", until it is known whether it is there" if step["is_probe"] else ""
    return (
        f"{number}. {step['provider']} ({step['kind']}, {step['base_url']}): {step['model'] or '(none)'} "
        f"as {step['dialect']}{probe} [{step['reason']}]"
    )


ACTIONS: dict[str, Callable[[Command, dict[str, Any]], None]] = {
    "list": Command.list_all,
    "add": Command.add,
    "remove": Command.remove,
    "test": Command.test,
}
