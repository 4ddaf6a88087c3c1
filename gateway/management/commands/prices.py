"""The command `prices`: lists and changes what models cost. Standard output holds only the result."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from gateway.kernel import regular
from gateway.kernel.commands import ActionCommand, Failure, columns
from gateway.kernel.principal import COMMAND_LINE
from gateway.management import arguments
from gateway.usage.prices import presenting, services
from gateway.usage.prices.errors import BadPrice, PriceError

SEED = Path(services.__file__).with_name("seed.json")
WIDTHS = (36, *[14] * (len(services.PRICES) + 2))


class Command(ActionCommand):
    help = "List, set, remove and import prices per million tokens."
    json_form = {**ActionCommand.json_form, "default": str}
    failures = (
        Failure(PriceError, lambda problem: f"error: {problem.message}"),
        Failure(OSError, lambda problem: f"error: {problem.strerror or problem}"),
    )

    declare = staticmethod(arguments.prices)

    def do_list(self, options: dict[str, Any]) -> None:
        rows = [presenting.price(row) for row in services.find(options["model"])]
        table = [["model", "provider", *services.PRICES, "currency", "date"]]
        for row in rows:
            prices = [row[name] or "-" for name in services.PRICES]
            table.append(
                [row["model"], row["provider"] or "-", *prices, row["currency"], str(row["priced_on"])]
            )
        self.say(options, {"data": rows}, [columns(row, WIDTHS) for row in table])

    def do_set(self, options: dict[str, Any]) -> None:
        given = {name: options[name] for name in services.FIELDS if options.get(name) is not None}
        row = services.put(options["model"], options["provider"], principal=COMMAND_LINE, **given)
        self.say(options, presenting.price(row), [f"set {row}"])

    def do_remove(self, options: dict[str, Any]) -> None:
        services.delete(options["model"], options["provider"], principal=COMMAND_LINE)
        self.say(options, {"deleted": options["model"]}, [f"removed {options['model']}"])

    def do_import(self, options: dict[str, Any]) -> None:
        try:
            given = json.loads(regular.read(options["file"] or SEED, regular.LARGE_BYTES))
            rows, shared = given["prices"], {"currency": given.get("currency", "USD")}
            shared |= {"priced_on": given.get("date"), "source": given.get("source", "")}
        except (ValueError, KeyError, TypeError, AttributeError, RecursionError) as exc:
            raise BadPrice(
                "", 'the file must be JSON: {"prices": [{"model", "input", "output", …}], …}'
            ) from exc
        count = services.put_all(rows, shared, principal=COMMAND_LINE)
        self.say(options, {"imported": count}, [f"imported {count} price(s)"])
