"""`manage.py groups …`: teams of tokens and the limits they share. Standard output holds only the result."""

from __future__ import annotations

import json
import sys
from collections.abc import Callable
from typing import Any

from django.core.management.base import BaseCommand, CommandParser
from django.db import DatabaseError

from tokens import fields, group_services, presenting
from tokens.errors import GroupNotFound, TokenError
from tokens.limits import usage
from tokens.management.commands.tokens import add_limits

FAILED, NOT_FOUND = 1, 2


class Command(BaseCommand):
    requires_system_checks = ()
    help = "Add, list, show, change and remove groups of tokens."

    def add_arguments(self, parser: CommandParser) -> None:
        commands = parser.add_subparsers(dest="action", required=True, metavar="COMMAND")
        shared = CommandParser(add_help=False)
        shared.add_argument("--json", action="store_true", dest="as_json", help="print JSON")

        def command(name: str, text: str) -> CommandParser:
            return commands.add_parser(name, help=text, parents=[shared])

        command("list", "groups, by name")
        for name, text in (
            ("add", "make a group"),
            ("show", "a group, its limits and what they have used"),
            ("change", "a group's limits; what is not given stays"),
            ("remove", "a group that nothing belongs to"),
        ):
            parsed = command(name, text)
            parsed.add_argument("name", metavar="NAME")
            if name in ("add", "change"):
                add_limits(parsed, fields.GROUP_FIELDS)
            if name == "change":
                parsed.add_argument("--rename", metavar="NAME")
                parsed.add_argument(
                    "--clear", action="append", default=[], metavar="FIELD", help="lift a limit; repeatable"
                )

    def handle(self, *args: Any, **options: Any) -> None:
        """Exit status: 0, 1 when it failed, 2 when there is no such group or the usage is wrong."""
        try:
            ACTIONS[options["action"]](self, options)
        except GroupNotFound as problem:
            self._fail(f"not found: {problem.name}", NOT_FOUND)
        except TokenError as problem:
            self._fail(f"error: {problem.message}", FAILED)
        except DatabaseError as problem:
            self._fail(f"error: database: {problem}", FAILED)

    def add_group(self, options: dict[str, Any]) -> None:
        group = group_services.create(options["name"], **_given(options))
        self._say(options, presenting.group(group), [f"added {group.name}"])

    def list_groups(self, options: dict[str, Any]) -> None:
        rows = [presenting.group(group) for group in group_services.find_all()]
        lines = [f"{row['name']}  {row['parent'] or '-'}  {row['tokens']} token(s)" for row in rows]
        self._say(options, {"data": rows}, lines)

    def show_group(self, options: dict[str, Any]) -> None:
        group = group_services.get(options["name"])
        shown = {**presenting.group(group), "usage": usage.of_group(group)}
        self._say(options, shown, [json.dumps(shown, indent=2, ensure_ascii=False)])

    def change_group(self, options: dict[str, Any]) -> None:
        given = {
            **dict.fromkeys((name.replace("-", "_") for name in options["clear"]), None),
            **_given(options),
        }
        if options["rename"] is not None:
            given["name"] = options["rename"]
        group = group_services.change(options["name"], **given)
        self._say(options, presenting.group(group), [f"changed {group.name}"])

    def remove_group(self, options: dict[str, Any]) -> None:
        group_services.delete(options["name"])
        self._say(options, {"deleted": options["name"]}, [f"removed {options['name']}"])

    def _say(self, options: dict[str, Any], as_json: dict[str, Any], lines: list[str]) -> None:
        if options["as_json"]:
            lines = [json.dumps(as_json, indent=2, ensure_ascii=False)]
        for line in lines:
            self.stdout.write(line)

    def _fail(self, message: str, status: int) -> None:
        self.stdout.flush()
        self.stderr.write(message)
        sys.exit(status)


def _given(options: dict[str, Any]) -> dict[str, Any]:
    return {name: options[name] for name in fields.GROUP_FIELDS if options.get(name) is not None}


ACTIONS: dict[str, Callable[[Command, dict[str, Any]], None]] = {
    "add": Command.add_group,
    "list": Command.list_groups,
    "show": Command.show_group,
    "change": Command.change_group,
    "remove": Command.remove_group,
}
