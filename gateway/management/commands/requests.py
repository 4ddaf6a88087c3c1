"""The command `requests`: finished calls, newest first; of one call what happened to it."""

from __future__ import annotations

from typing import Any

from gateway.kernel.asking import BadParameter
from gateway.kernel.commands import NOT_FOUND, ListCommand, columns
from gateway.management import arguments
from gateway.usage.requests import explaining, filters, finding, presenting

WIDTHS = (36, 20, 6, 20, 24, 20, 24)
ELSEWHERE = {"from": "begins", "to": "ends"}


class Command(ListCommand):
    help = "Show finished calls, newest first; with an id, what happened to one."

    declare = staticmethod(arguments.requests)

    def show(self, options: dict[str, Any]) -> None:
        if options["id"]:
            self._one(options)
            return
        if not 1 <= options["limit"] <= finding.MOST:
            raise BadParameter("--limit", f"must be from 1 to {finding.MOST}")
        asked = filters.read({name: options[ELSEWHERE.get(name, name)] for name in filters.NAMES})
        rows = [presenting.shown(row) for row in finding.every(asked, options["limit"])]
        table = [("id", "started", "status", "token", "model", "account", "cost", "what happened")]
        self.say(options, {"data": rows}, [columns(cells, WIDTHS) for cells in (*table, *map(_cells, rows))])

    def _one(self, options: dict[str, Any]) -> None:
        row = finding.get(options["id"])
        if row is None:
            self.fail("error: there is no such call", NOT_FOUND)
        shown = explaining.whole(row)
        prices = [
            f"  {line['what']}: {line['tokens'] if line['tokens'] is not None else ''} at {line['per_million']}"
            f" per million = {line['cost']}"
            for line in shown["price"]
        ]
        self.say(options, shown, [f"{shown['id']}  {shown['started_at']}", *shown["explain"], *prices])


def _cells(row: dict[str, Any]) -> tuple[str, ...]:
    words = row["upstream_error"]
    happened = (
        f"{words['type']}: {words['message']}" if words else row["failure_message"] or row["failure_kind"]
    )
    return (
        row["id"],
        row["started_at"],
        str(row["status"]),
        row["token_label"] or row["token"],
        row["model_served"] or row["model_asked"],
        row["account"],
        f"{row['cost'] or '-'} {row['currency']}".rstrip(),
        happened,
    )
