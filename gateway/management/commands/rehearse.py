"""The command `rehearse`: lets calls meet a fault. Servers that run take it over within a second."""

from __future__ import annotations

from typing import Any

from accounts.errors import UnknownAccount
from gateway.kernel.commands import NOT_FOUND, ActionCommand, Failure, columns
from gateway.kernel.principal import COMMAND_LINE
from gateway.management import acting
from gateway.rehearsals import services
from gateway.rehearsals.errors import BadRehearsal, RehearsalNotFound
from providers.errors import UnknownProvider

WIDTHS = (30, 6, 28, 6)


class Command(ActionCommand):
    help = "Let calls of an account or a provider fail, to see what users would see; it ends by itself."
    failures = (
        Failure(RehearsalNotFound, lambda problem: f"not found: {problem}", NOT_FOUND),
        Failure(UnknownAccount, lambda problem: f"not found: {problem}", NOT_FOUND),
        Failure(UnknownProvider, lambda problem: f"not found: no provider named {problem.name!r}", NOT_FOUND),
        Failure(BadRehearsal, lambda problem: f"error: {problem}"),
    )

    declare = staticmethod(acting.rehearse)

    def do_start(self, options: dict[str, Any]) -> None:
        given = {name: options[name] for name in services.FIELDS if options[name] is not None}
        record = services.as_json(services.start(given, principal=COMMAND_LINE))
        self.say(options, record, [f"{record['id']} until {record['ends_at']}"])

    def do_list(self, options: dict[str, Any]) -> None:
        rows = [services.as_json(row) for row in services.running()]
        table = [("rehearsal", "fault", "of", "left", "ends")]
        table += [(row["id"], row["fault"], _of(row), _left(row), row["ends_at"]) for row in rows]
        self.say(options, {"data": rows}, [columns(row, WIDTHS) for row in table])

    def do_end(self, options: dict[str, Any]) -> None:
        services.end(options["rehearsal"], principal=COMMAND_LINE)
        self.say(options, {"ended": options["rehearsal"]}, [f"ended {options['rehearsal']}"])


def _of(row: dict[str, Any]) -> str:
    return f"account {row['account']}" if row["account"] else f"provider {row['provider']}"


def _left(row: dict[str, Any]) -> str:
    return "-" if row["left"] is None else str(row["left"])
