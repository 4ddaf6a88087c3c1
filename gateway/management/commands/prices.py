"""`manage.py prices …`: what models cost. Standard output holds only the result."""

from __future__ import annotations

import json
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand, CommandParser
from django.db import DatabaseError

from gateway.usage.prices import presenting, services
from gateway.usage.prices.errors import BadPrice, PriceError

SEED = Path(services.__file__).with_name("seed.json")


class Command(BaseCommand):
    requires_system_checks = ()
    help = "List, set, remove and import prices per million tokens."

    def add_arguments(self, parser: CommandParser) -> None:
        commands = parser.add_subparsers(dest="action", required=True, metavar="COMMAND")
        shared = CommandParser(add_help=False)
        shared.add_argument("--json", action="store_true", dest="as_json", help="print JSON")

        def command(name: str, text: str) -> CommandParser:
            return commands.add_parser(name, help=text, parents=[shared])

        command("list", "every price").add_argument(
            "--model", default="", metavar="S", help="contained in the name"
        )
        put = command("set", "the price of a model; what is not given stays")
        remove = command("remove", "a price")
        for named in (put, remove):
            named.add_argument("model", metavar="MODEL", help="a name, or a pattern such as claude-opus-*")
            named.add_argument("--provider", default="", metavar="NAME", help="any when absent")
        for name in services.PRICES:
            put.add_argument(f"--{name.replace('_', '-')}", metavar="0.25")
        put.add_argument("--currency", metavar="USD")
        put.add_argument("--max-output", type=int, metavar="N", help="tokens")
        put.add_argument("--priced-on", metavar="2026-11-24")
        put.add_argument("--source", metavar="S")
        command("import", "a price file; the shipped one when absent").add_argument(
            "file", nargs="?", type=Path, default=SEED, metavar="FILE"
        )

    def handle(self, *args: Any, **options: Any) -> None:
        """Exit status: 0, or 1 when it failed."""
        try:
            ACTIONS[options["action"]](self, options)
        except PriceError as problem:
            self._fail(f"error: {problem.message}")
        except OSError as problem:
            self._fail(f"error: {problem.strerror or problem}")
        except DatabaseError as problem:
            self._fail(f"error: database: {problem}")

    def list_prices(self, options: dict[str, Any]) -> None:
        rows = [presenting.price(row) for row in services.find(options["model"])]
        lines = [_line(["model", "provider", *services.PRICES, "currency", "date"])]
        for row in rows:
            prices = [row[name] or "-" for name in services.PRICES]
            lines.append(
                _line([row["model"], row["provider"] or "-", *prices, row["currency"], str(row["priced_on"])])
            )
        self._say(options, {"data": rows}, lines)

    def set_price(self, options: dict[str, Any]) -> None:
        given = {name: options[name] for name in services.FIELDS if options.get(name) is not None}
        row = services.put(options["model"], options["provider"], **given)
        self._say(options, presenting.price(row), [f"set {row}"])

    def remove_price(self, options: dict[str, Any]) -> None:
        services.delete(options["model"], options["provider"])
        self._say(options, {"deleted": options["model"]}, [f"removed {options['model']}"])

    def import_prices(self, options: dict[str, Any]) -> None:
        try:
            given = json.loads(options["file"].read_text())
            rows, shared = given["prices"], {"currency": given.get("currency", "USD")}
            shared |= {"priced_on": given.get("date"), "source": given.get("source", "")}
        except (ValueError, KeyError, TypeError, AttributeError) as exc:
            raise BadPrice(
                "", 'the file must be JSON: {"prices": [{"model", "input", "output", …}], …}'
            ) from exc
        count = services.put_all(rows, shared)
        self._say(options, {"imported": count}, [f"imported {count} price(s)"])

    def _say(self, options: dict[str, Any], as_json: dict[str, Any], lines: list[str]) -> None:
        if options["as_json"]:
            lines = [json.dumps(as_json, indent=2, ensure_ascii=False, default=str)]
        for line in lines:
            self.stdout.write(line)

    def _fail(self, message: str) -> None:
        self.stdout.flush()
        self.stderr.write(message)
        sys.exit(1)


def _line(values: list[str]) -> str:
    return "  ".join([values[0].ljust(36), *(value.ljust(14) for value in values[1:])]).rstrip()


ACTIONS: dict[str, Callable[[Command, dict[str, Any]], None]] = {
    "list": Command.list_prices,
    "set": Command.set_price,
    "remove": Command.remove_price,
    "import": Command.import_prices,
}
