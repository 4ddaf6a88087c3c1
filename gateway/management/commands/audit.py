"""The command `audit`: shows who changed what, newest first, or takes all of it along."""

from __future__ import annotations

from typing import Any

from gateway.audit import exporting, finding
from gateway.audit.finding import Filters
from gateway.kernel.asking import BadParameter
from gateway.kernel.commands import ListCommand, columns
from gateway.kernel.principal import COMMAND_LINE
from gateway.management import arguments

WIDTHS = (20, 24, 8, 18, 28)


class Command(ListCommand):
    help = "Show who changed what, newest first."

    declare = staticmethod(arguments.audit)

    def show(self, options: dict[str, Any]) -> None:
        names = ("who", "action", "subject", "via", "begins", "ends")
        filters = Filters(*(options[name] for name in names))
        if options["as_lines"]:
            for piece in exporting.export(filters, principal=COMMAND_LINE):
                self.stdout.write(piece.decode(), ending="")
            return
        if not 1 <= options["limit"] <= finding.MOST:
            raise BadParameter("--limit", f"must be from 1 to {finding.MOST}")
        page = finding.page(filters, options["limit"])
        rows = [finding.shown(row) for row in page.rows]
        shown = {"data": rows, "has_more": page.next_after is not None, "next_after": page.next_after}
        table = [("at", "who", "via", "action", "subject", "changed")]
        table += [
            (row["at"], _who(row["who"]), row["via"], row["action"], row["subject"], _changed(row))
            for row in rows
        ]
        self.say(options, shown, [columns(row, WIDTHS) for row in table])


def _who(who: dict[str, str]) -> str:
    return f"{who['kind']} {who['name']}".rstrip()


def _changed(row: dict[str, Any]) -> str:
    """Tell the fields that differ: `weight 1 -> 2`."""
    before, after = row["before"] or {}, row["after"] or {}
    return ", ".join(f"{name} {before.get(name)} -> {after.get(name)}" for name in {**before, **after})
