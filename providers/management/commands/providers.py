"""`manage.py providers …`: the reference's commands. Standard output holds only the result."""

from __future__ import annotations

import argparse
import getpass
import json
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand, CommandParser
from django.db import DatabaseError

from providers import file_services, presenting, probing, services
from providers.errors import ProviderError, UnknownProvider
from providers.models import Provider

WIDTHS = (20, 18, 32, 10)  # the reference's columns; the last one is free
FAILED, NOT_FOUND = 1, 2


class Command(BaseCommand):
    requires_system_checks = ()
    help = "List, add, show, clear, remove, import and test the providers that calls go to."

    def add_arguments(self, parser: CommandParser) -> None:
        commands = parser.add_subparsers(dest="action", required=True, metavar="COMMAND")
        shared = CommandParser(add_help=False)
        shared.add_argument("--json", action="store_true", dest="as_json", help="print JSON")

        def command(name: str, text: str) -> argparse.ArgumentParser:
            made: argparse.ArgumentParser = commands.add_parser(name, help=text, parents=[shared])
            return made

        command("list", "every provider, by name")
        _add_fields(command("add", "add a provider or replace one; a stored key stays when none is given"))
        for name, text in (
            ("show", "one provider's record"),
            ("remove", "delete a provider"),
            ("clear", "end the rest of a provider's own key, close its breaker"),
            ("test", "ask a provider which models it has"),
        ):
            command(name, text).add_argument("name", metavar="NAME")
        command("import", "add or replace all providers of a file, or none of them").add_argument(
            "path", metavar="PATH", type=Path
        )

    def handle(self, *args: Any, **options: Any) -> None:
        """Exit status: 0, 1 when it failed, 2 when there is no such provider or the usage is wrong."""
        try:
            file_services.sync_file()
            ACTIONS[options["action"]](self, options)
        except UnknownProvider as problem:
            self._fail(f"not found: {problem.name}", NOT_FOUND)
        except ProviderError as problem:
            self._fail(f"error: {problem}", FAILED)
        except (OSError, UnicodeDecodeError) as problem:
            words = getattr(problem, "strerror", None) or "not UTF-8 text"
            self._fail(f"error: provider storage I/O error: {words}", FAILED)
        except DatabaseError as problem:
            self._fail(f"error: database: {problem}", FAILED)

    def list_all(self, options: dict[str, Any]) -> None:
        rows = services.listed()
        table = [("name", "kind", "base_url", "enabled", "default_model"), *map(_cells, rows)]
        self._say(options, {"data": [presenting.record(row) for row in rows]}, list(map(_line, table)))

    def add(self, options: dict[str, Any]) -> None:
        values = {name: options[name] for name in FIELDS if options[name] is not None}
        if options["api_key_stdin"]:
            values["api_key"] = _secret()
        self._show(options, services.upsert(values))

    def show(self, options: dict[str, Any]) -> None:
        self._show(options, services.get(options["name"]))

    def remove(self, options: dict[str, Any]) -> None:
        services.remove(options["name"])
        self._say(options, {"deleted": options["name"]}, [f"removed {options['name']}"])

    def clear(self, options: dict[str, Any]) -> None:
        services.clear(options["name"])
        self._say(options, {"cleared": options["name"]}, [f"cleared {options['name']}"])

    def import_file(self, options: dict[str, Any]) -> None:
        count = services.import_text(options["path"].read_text("utf-8"))
        self._say(options, {"imported": count}, [f"imported {count} provider(s)"])

    def test(self, options: dict[str, Any]) -> None:
        result = probing.probe(options["name"])
        document = {
            "ok": result.is_ok,
            "status": result.status,
            "message": result.message,
            "models": list(result.models),
            "seconds": result.seconds,
        }
        self._say(options, document, [f"{options['name']}: {result.told}", *result.models])
        if not result.is_ok:
            sys.exit(FAILED)

    def _show(self, options: dict[str, Any], row: Provider) -> None:
        record = presenting.record(row)
        self._say(options, record, [json.dumps(record, indent=2, ensure_ascii=False)])

    def _say(self, options: dict[str, Any], document: object, lines: list[str]) -> None:
        if options["as_json"]:
            lines = [json.dumps(document, ensure_ascii=False)]
        for line in lines:
            self.stdout.write(line)

    def _fail(self, text: str, status: int) -> None:
        self.stdout.flush()
        self.stderr.write(text)
        sys.exit(status)


FIELDS = (
    "name",
    "base_url",
    "kind",
    "default_model",
    "models",
    "api_key",
    "api_key_env",
    "enabled",
    "priority",
    "responses",
    "headers",
)


def _add_fields(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--name", required=True, metavar="NAME")
    parser.add_argument("--base-url", required=True, metavar="URL", help="http(s)://host[:port][/path]")
    parser.add_argument("--kind", metavar="KIND", help="openai-compatible (when not given) or anthropic")
    parser.add_argument("--model", dest="default_model", metavar="M", help="for calls that name none")
    parser.add_argument(
        "--models", type=lambda text: text.split(","), metavar="A,B", help="names that lead here"
    )
    parser.add_argument("--api-key", metavar="KEY", help="seen by every process: rather --api-key-stdin")
    parser.add_argument("--api-key-stdin", action="store_true", help="read the key from standard input")
    parser.add_argument("--api-key-env", metavar="VARIABLE", help="the variable that holds the key")
    state = parser.add_mutually_exclusive_group()
    state.add_argument("--enabled", action="store_true", default=None, help="as it is when not given")
    state.add_argument("--disabled", dest="enabled", action="store_false", help="store it, don't call it")
    parser.add_argument("--priority", type=int, metavar="N", help="lower goes first")
    parser.add_argument("--responses", metavar="WORD", help="Responses API: auto, native, translate, or only")
    parser.add_argument(
        "--header", dest="headers", type=_header, action=_Collect, metavar="NAME:VALUE", help="extra header"
    )


class _Collect(argparse.Action):
    """Pairs into one mapping."""

    def __call__(self, parser: Any, namespace: Any, values: Any, option_string: Any = None) -> None:
        found = dict(getattr(namespace, self.dest) or {})
        found.update([values])
        setattr(namespace, self.dest, found)


def _header(text: str) -> tuple[str, str]:
    name, colon, value = text.partition(":")
    if not colon:
        raise argparse.ArgumentTypeError("must be NAME:VALUE")
    return name.strip(), value.strip()


def _secret() -> str:
    return getpass.getpass("API key: ") if sys.stdin.isatty() else sys.stdin.readline().rstrip("\r\n")


def _cells(row: Provider) -> tuple[str, ...]:
    return (row.name, row.kind, row.base_url, str(row.is_enabled).lower(), row.default_model)


def _line(row: tuple[str, ...]) -> str:
    padded = [f"{cell:<{width}}" for cell, width in zip(row, WIDTHS, strict=False)]
    return "  ".join([*padded, row[-1]])


ACTIONS: dict[str, Callable[[Command, dict[str, Any]], None]] = {
    "list": Command.list_all,
    "add": Command.add,
    "show": Command.show,
    "clear": Command.clear,
    "remove": Command.remove,
    "import": Command.import_file,
    "test": Command.test,
}
