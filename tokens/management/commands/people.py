"""Manage people: `router people …`. Standard output holds only the result."""

from __future__ import annotations

import json
from typing import Any

from gateway.kernel.commands import NOT_FOUND, ActionCommand, Failure, columns, read_secret
from gateway.kernel.principal import COMMAND_LINE
from tokens import bodies
from tokens.errors import TokenError
from tokens.management import arguments
from tokens.people import presenting, services
from tokens.people.errors import PersonNotFound

WIDTHS = (36, 10, 11, 8)
GIVEN = ("groups", "name", "is_staff", "active", *arguments.SHARED)


class Command(ActionCommand):
    help = "Add, list, show, change, sign out and remove people."
    failures = (
        Failure(PersonNotFound, lambda problem: f"not found: {problem.email}", NOT_FOUND),
        Failure(TokenError, lambda problem: f"error: {problem.message}"),
    )

    declare = staticmethod(arguments.people)

    def do_add(self, options: dict[str, Any]) -> None:
        person = services.add(options["email"], principal=COMMAND_LINE, **_given(options))
        self.say(options, presenting.person(person), [f"added {person.user.email}"])

    def do_list(self, options: dict[str, Any]) -> None:
        rows = presenting.people(services.find_all())
        lines = [columns(("email", "access", "role", "source", "groups"), WIDTHS)]
        lines += [
            columns(
                (
                    str(row["email"]),
                    "active" if row["active"] else "inactive",
                    str(row["role"] or ""),
                    str(row["source"]),
                    ",".join(row["groups"]) if isinstance(row["groups"], list) else "",
                ),
                WIDTHS,
            )
            for row in rows
        ]
        self.say(options, {"data": rows}, lines)

    def do_show(self, options: dict[str, Any]) -> None:
        shown = presenting.shown(services.get(options["email"]))
        self.say(options, shown, [json.dumps(shown, indent=2, ensure_ascii=False)])

    def do_change(self, options: dict[str, Any]) -> None:
        given = dict.fromkeys((name.replace("-", "_") for name in options["clear"]), None)
        given |= _given(options)
        if options["no_totp"]:
            given["totp"] = False
        if options["no_groups"]:
            given["groups"] = []
        known = bodies.only(given, services.CHANGEABLE)
        person = services.change(options["email"], principal=COMMAND_LINE, **known)
        self.say(options, presenting.person(person), [f"changed {options['email']}"])

    def do_sign_out(self, options: dict[str, Any]) -> None:
        count = services.sign_out(options["email"], principal=COMMAND_LINE)
        self.say(options, {"signed_out": count}, [f"ended {count} sign-in(s)"])

    def do_remove(self, options: dict[str, Any]) -> None:
        services.remove(options["email"], principal=COMMAND_LINE)
        self.say(options, {"deleted": options["email"]}, [f"removed {options['email']}"])


def _given(options: dict[str, Any]) -> dict[str, Any]:
    found = {name: options[name] for name in GIVEN if options.get(name) is not None}
    if options["role"] is not None:
        found["role"] = None if options["role"] == "none" else options["role"]
    if options["password_stdin"]:
        found["password"] = read_secret("Password")
    return found
