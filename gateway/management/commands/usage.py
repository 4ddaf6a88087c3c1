"""The command `usage`: who used what, and what it cost, from the daily sums."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

from gateway.kernel.commands import ListCommand, columns
from gateway.kernel.principal import COMMAND_LINE
from gateway.management import arguments
from gateway.usage.reporting import csv, question, sums

NAMES = ("from", "to", "month", "period", "by", "sort", *arguments.USAGE_FILTERS)
ELSEWHERE = {"from": "begins", "to": "ends"}
NARROW, WIDE = 10, 24


class Command(ListCommand):
    help = "Sum up usage of a period (default: this month). Days are UTC."

    declare = staticmethod(arguments.usage)

    def show(self, options: dict[str, Any]) -> None:
        given = {name: options[ELSEWHERE.get(name, name)] for name in NAMES}
        if given["month"] == "this":
            given["month"] = f"{datetime.now(UTC):%Y-%m}"
        read = question.read(given, datetime.now(UTC).date())
        if options["as_csv"]:
            for piece in csv.export(read, principal=COMMAND_LINE):
                self.stdout.write(piece.decode(), ending="")
            return
        rows = list(sums.rows_of(read))
        found = sums.answer(read, rows, sums.added_up(rows))
        self.say(options, found, _lines(read, found))


def _lines(read: question.Question, found: dict[str, Any]) -> list[str]:
    """Return a table, with the sums of every currency below it."""
    widths = [WIDE if name in read.names else max(NARROW, len(name)) for name in read.columns[:-1]]
    rows = [*found["data"], *({**dict.fromkeys(read.names, ""), **row} for row in found["totals"] if read.by)]
    lines = [columns(read.columns, widths)]
    lines += [columns([str(row[name]) for name in read.columns], widths) for row in rows]
    return [f"{read.begins} to {read.ends} (UTC)", *lines]
