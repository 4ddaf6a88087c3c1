"""Manage the settings that people's clients get: `router policies …`. Standard output holds only the result."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from gateway.kernel.commands import NOT_FOUND, ActionCommand, Failure
from gateway.kernel.principal import COMMAND_LINE
from tokens.errors import GroupNotFound, TokenError
from tokens.management import arguments
from tokens.policies import services
from tokens.policies.errors import PolicyNotFound


class Command(ActionCommand):
    help = "Set, show, list and remove the settings that people's clients get."
    failures = (
        Failure(PolicyNotFound, lambda problem: f"not found: {problem.group} has no policy", NOT_FOUND),
        Failure(GroupNotFound, lambda problem: f"not found: {problem.name}", NOT_FOUND),
        Failure(TokenError, lambda problem: f"error: {problem.message}"),
        Failure(OSError, lambda problem: f"error: {problem.filename}: {problem.strerror}"),
        Failure(UnicodeDecodeError, lambda problem: "error: settings: is not UTF-8"),
    )

    declare = staticmethod(arguments.policies)

    def do_set(self, options: dict[str, Any]) -> None:
        given = services.checked_text(Path(options["file"]).read_text(encoding="utf-8"))
        policy = services.put(options["group"], given, principal=COMMAND_LINE)
        document = services.shown(policy)
        told = [f"warning: {text}" for text in services.warnings_of(policy)]
        self.say(options, document, [f"set {policy.group}  {policy.checksum}", *told])

    def do_show(self, options: dict[str, Any]) -> None:
        document = services.shown(services.get(options["group"]))
        lines = [json.dumps(document["settings"], indent=2, ensure_ascii=False)]
        self.say(options, document, lines)

    def do_list(self, options: dict[str, Any]) -> None:
        rows = [services.shown(policy) for policy in services.find_all()]
        self.say(options, {"data": rows}, [f"{row['group']}  {row['checksum']}" for row in rows])

    def do_remove(self, options: dict[str, Any]) -> None:
        services.remove(options["group"], principal=COMMAND_LINE)
        self.say(options, {"deleted": options["group"]}, [f"removed {options['group']}"])
