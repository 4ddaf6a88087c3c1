"""`router routes …`: where each model goes, and the chain that a call would take."""

from __future__ import annotations

import json
from typing import Any

from gateway.kernel.commands import NOT_FOUND, ActionCommand, Failure, columns
from gateway.kernel.principal import COMMAND_LINE
from providers import presenting, route_services
from providers.catalog import chains
from providers.errors import ProviderError, UnknownRoute
from providers.management import arguments
from providers.models import Route

WIDTHS = (32, 20, 32, 8)


class Command(ActionCommand):
    help = "List, add, remove and test routes: model pattern → provider, its model there, fallbacks."
    json_form = {"ensure_ascii": False}
    failures = (
        Failure(UnknownRoute, lambda problem: f"not found: {problem.model}", NOT_FOUND),
        Failure(ProviderError, lambda problem: f"error: {problem}"),
    )

    declare = staticmethod(arguments.routes)

    def do_list(self, options: dict[str, Any]) -> None:
        rows = route_services.listed()
        table = [("model", "provider", "upstream_model", "priority", "fallbacks"), *map(_cells, rows)]
        self.say(
            options,
            {"data": [presenting.route(row) for row in rows]},
            [columns(row, WIDTHS) for row in table],
        )

    def do_add(self, options: dict[str, Any]) -> None:
        given = {name: options[name] for name in FIELDS if options[name] is not None}
        record = presenting.route(route_services.upsert(given, principal=COMMAND_LINE))
        self.say(options, record, [json.dumps(record, indent=2, ensure_ascii=False)])

    def do_remove(self, options: dict[str, Any]) -> None:
        route_services.remove(options["model"], principal=COMMAND_LINE)
        self.say(options, {"deleted": options["model"]}, [f"removed {options['model']}"])

    def do_test(self, options: dict[str, Any]) -> None:
        told = chains.chain(options["model"], options["surface"], options["provider"])
        self.say(options, told, [_told(number, step) for number, step in enumerate(told["chain"], start=1)])


FIELDS = ("model", "provider", "upstream_model", "fallbacks", "priority", "listed", "display_name")


def _cells(row: Route) -> tuple[str, ...]:
    fallbacks = ", ".join(":".join(filter(None, (one["provider"], one["model"]))) for one in row.fallbacks)
    return (row.model, row.provider, row.upstream_model or "(as asked)", str(row.priority), fallbacks)


def _told(number: int, step: dict[str, Any]) -> str:
    probe = ", until it is known whether the provider has it" if step["is_probe"] else ""
    return (
        f"{number}. {step['provider']} ({step['kind']}, {step['base_url']}): {step['model'] or '(none)'} "
        f"as {step['dialect']}{probe} [{step['reason']}]"
    )
