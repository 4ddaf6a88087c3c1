"""Manage groups of tokens: `router groups …`. Standard output holds only the result."""

from __future__ import annotations

import json
from typing import Any

from gateway.kernel.commands import NOT_FOUND, ActionCommand, Failure
from gateway.kernel.principal import COMMAND_LINE
from tokens import bodies, fields, presenting
from tokens.errors import GroupNotFound, TokenError
from tokens.groups import services
from tokens.limits import usage
from tokens.management import arguments


class Command(ActionCommand):
    help = "Add, list, show, change and remove groups of tokens."
    failures = (
        Failure(GroupNotFound, lambda problem: f"not found: {problem.name}", NOT_FOUND),
        Failure(TokenError, lambda problem: f"error: {problem.message}"),
    )

    declare = staticmethod(arguments.groups)

    def do_add(self, options: dict[str, Any]) -> None:
        group = services.create(options["name"], principal=COMMAND_LINE, **_given(options))
        self.say(options, presenting.group(group), [f"added {group.name}"])

    def do_list(self, options: dict[str, Any]) -> None:
        rows = [presenting.group(group) for group in services.find_all()]
        lines = [f"{row['name']}  {row['parent'] or '-'}  {row['tokens']} token(s)" for row in rows]
        self.say(options, {"data": rows}, lines)

    def do_show(self, options: dict[str, Any]) -> None:
        group = services.get(options["name"])
        shown = {**presenting.group(group), "usage": usage.of_group(group)}
        self.say(options, shown, [json.dumps(shown, indent=2, ensure_ascii=False)])

    def do_change(self, options: dict[str, Any]) -> None:
        given = {
            **dict.fromkeys((name.replace("-", "_") for name in options["clear"]), None),
            **_given(options),
        }
        if options["rename"] is not None:
            given["name"] = options["rename"]
        group = services.change(options["name"], principal=COMMAND_LINE, **bodies.as_fields(given))
        self.say(options, presenting.group(group), [f"changed {group.name}"])

    def do_remove(self, options: dict[str, Any]) -> None:
        services.delete(options["name"], principal=COMMAND_LINE)
        self.say(options, {"deleted": options["name"]}, [f"removed {options['name']}"])


def _given(options: dict[str, Any]) -> dict[str, Any]:
    return {name: options[name] for name in fields.GROUP_FIELDS if options.get(name) is not None}
