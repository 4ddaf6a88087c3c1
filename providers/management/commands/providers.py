"""`router providers …`: the reference's commands.

Standard output holds only the result.
"""

from __future__ import annotations

import json
import sys
from typing import Any

from gateway.kernel import regular
from gateway.kernel.commands import (
    FAILED,
    NOT_FOUND,
    ActionCommand,
    Failure,
    columns,
    read_secret,
)
from gateway.kernel.principal import COMMAND_LINE
from providers import presenting, probing, services
from providers.errors import ProviderError, UnknownProvider
from providers.files import services as file_services
from providers.management import arguments
from providers.models import Provider

NO_TEXT = "not UTF-8 text"
WIDTHS = (20, 18, 32, 10)  # the reference's columns; the last one is free


class Command(ActionCommand):
    help = "List, add, show, clear, remove, import and test the providers that calls go to."
    json_form = {"ensure_ascii": False}
    failures = (
        Failure(UnknownProvider, lambda problem: f"not found: {problem.name}", NOT_FOUND),
        Failure(ProviderError, lambda problem: f"error: {problem}"),
        Failure(OSError, lambda problem: f"error: provider storage I/O error: {problem.strerror or NO_TEXT}"),
        Failure(UnicodeDecodeError, lambda problem: f"error: provider storage I/O error: {NO_TEXT}"),
    )

    declare = staticmethod(arguments.providers)

    def prepare(self) -> None:
        file_services.sync_file(principal=COMMAND_LINE)

    def do_list(self, options: dict[str, Any]) -> None:
        rows = services.listed()
        table = [("name", "kind", "base_url", "enabled", "default_model"), *map(_cells, rows)]
        self.say(
            options,
            {"data": [presenting.record(row) for row in rows]},
            [columns(row, WIDTHS) for row in table],
        )

    def do_add(self, options: dict[str, Any]) -> None:
        values = {name: options[name] for name in FIELDS if options[name] is not None}
        if options["api_key_stdin"]:
            values["api_key"] = read_secret("API key")
        self._show(options, services.upsert(values, principal=COMMAND_LINE))

    def do_show(self, options: dict[str, Any]) -> None:
        self._show(options, services.get(options["name"]))

    def do_remove(self, options: dict[str, Any]) -> None:
        services.remove(options["name"], principal=COMMAND_LINE)
        self.say(options, {"deleted": options["name"]}, [f"removed {options['name']}"])

    def do_clear(self, options: dict[str, Any]) -> None:
        services.clear(options["name"], principal=COMMAND_LINE)
        self.say(options, {"cleared": options["name"]}, [f"cleared {options['name']}"])

    def do_import(self, options: dict[str, Any]) -> None:
        text = regular.read(options["path"], regular.LARGE_BYTES).decode()
        count = services.import_text(text, principal=COMMAND_LINE)
        self.say(options, {"imported": count}, [f"imported {count} provider(s)"])

    def do_test(self, options: dict[str, Any]) -> None:
        result = probing.probe(options["name"], principal=COMMAND_LINE)
        document = {
            "ok": result.is_ok,
            "status": result.status,
            "message": result.message,
            "models": list(result.models),
            "seconds": result.seconds,
        }
        self.say(options, document, [f"{options['name']}: {result.told}", *result.models])
        if not result.is_ok:
            sys.exit(FAILED)

    def _show(self, options: dict[str, Any], row: Provider) -> None:
        record = presenting.record(row)
        self.say(options, record, [json.dumps(record, indent=2, ensure_ascii=False)])


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
    "login",
    "options",
    "tools",
    "region",
    "project",
    "workspace",
    "api",
    "model_ids",
    "headers",
)


def _cells(row: Provider) -> tuple[str, ...]:
    return (row.name, row.kind, row.base_url, str(row.is_enabled).lower(), row.default_model)
