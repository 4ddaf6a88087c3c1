"""The command `alerts`: who is told of what, a test, and what was told."""

from __future__ import annotations

import json
from typing import Any

from gateway.alerts import logbook, services, trying
from gateway.alerts.errors import AlertError, AlertNotFound
from gateway.alerts.models import AlertRule
from gateway.kernel.asking import BadParameter
from gateway.kernel.commands import NOT_FOUND, ActionCommand, Failure, columns, read_secret
from gateway.kernel.principal import COMMAND_LINE
from gateway.management import acting

RULE_WIDTHS = (4, 14, 5, 24, 24, 13)
CHANNEL_WIDTHS = (24, 8)
LOG_WIDTHS = (20, 9, 14, 28, 16, 5)
FIELDS = ("event", "threshold", "subject", "channels", "enabled", "quiet_from", "quiet_to")
MOST = 1_000


class Command(ActionCommand):
    help = "List, add, change, test and remove rules and channels of alerts, and show what was sent."
    failures = (
        Failure(AlertNotFound, lambda problem: f"not found: {problem}", NOT_FOUND),
        Failure(AlertError, lambda problem: f"error: {problem}"),
        Failure(BadParameter, lambda problem: f"error: {problem}", NOT_FOUND),
    )

    declare = staticmethod(acting.alerts)

    def do_list(self, options: dict[str, Any]) -> None:
        rules, channels = services.rules(), services.channels()
        shown = {
            "rules": [_rule(row) for row in rules],
            "channels": [services.of_channel(row) for row in channels],
        }
        lines = [columns(row, RULE_WIDTHS) for row in _rules(shown["rules"])] + [""]
        table = [("channel", "kind", "target")]
        table += [(row["name"], row["kind"], row["target"]) for row in shown["channels"]]
        self.say(options, shown, [*lines, *(columns(row, CHANNEL_WIDTHS) for row in table)])

    def do_add(self, options: dict[str, Any]) -> None:
        self._show(options, services.create_rule(_given(options), principal=COMMAND_LINE))

    def do_change(self, options: dict[str, Any]) -> None:
        self._show(options, services.change_rule(options["rule"], _given(options), principal=COMMAND_LINE))

    def do_remove(self, options: dict[str, Any]) -> None:
        services.remove_rule(options["rule"], principal=COMMAND_LINE)
        self.say(options, {"deleted": options["rule"]}, [f"removed rule {options['rule']}"])

    def do_add_channel(self, options: dict[str, Any]) -> None:
        given = {"name": options["name"], "kind": options["kind"], **_target(options)}
        self._show_channel(options, services.create_channel(given, principal=COMMAND_LINE))

    def do_change_channel(self, options: dict[str, Any]) -> None:
        given: dict[str, object] = {**_target(options), **({"secret": None} if options["new_secret"] else {})}
        self._show_channel(options, services.change_channel(options["name"], given, principal=COMMAND_LINE))

    def do_remove_channel(self, options: dict[str, Any]) -> None:
        services.remove_channel(options["name"], principal=COMMAND_LINE)
        self.say(options, {"deleted": options["name"]}, [f"removed channel {options['name']}"])

    def do_test(self, options: dict[str, Any]) -> None:
        """Exit with 1 where it did not arrive."""
        outcome = trying.try_channel(options["name"], principal=COMMAND_LINE)
        shown = trying.as_json(outcome)
        self.say(options, shown, ["it arrived"] if outcome.is_ok else [])
        if not outcome.is_ok:
            self.fail(f"it did not arrive: {outcome.error}")

    def do_log(self, options: dict[str, Any]) -> None:
        if not 1 <= options["limit"] <= MOST:
            raise BadParameter("--limit", f"must be from 1 to {MOST}")
        filters = {name: options[name] for name in logbook.NAMES}
        rows, after = logbook.page(filters, options["limit"])
        table = [("at", "state", "event", "subject", "channel", "tries", "delivered")]
        table += [
            (row["at"], row["state"], row["event"], row["subject"] or "all", row["channel"], str(row["tries"]),
             row["delivered_at"] or row["error"] or "not yet")
            for row in rows
        ]  # fmt: skip
        shown = {"data": rows, "has_more": after is not None, "next_after": after}
        self.say(options, shown, [columns(row, LOG_WIDTHS) for row in table])

    def _show(self, options: dict[str, Any], row: AlertRule) -> None:
        record = _rule(row)
        self.say(options, record, [json.dumps(record, indent=2, ensure_ascii=False)])

    def _show_channel(self, options: dict[str, Any], made: services.Made) -> None:
        record = services.of_channel(made.channel) | ({"secret": made.secret} if made.secret else {})
        self.say(options, record, [json.dumps(record, indent=2, ensure_ascii=False)])


def _given(options: dict[str, Any]) -> dict[str, object]:
    return {name: options[name] for name in FIELDS if options.get(name) is not None}


def _target(options: dict[str, Any]) -> dict[str, object]:
    if options["target_stdin"]:
        return {"target": read_secret("Target")}
    return {} if options["target"] is None else {"target": options["target"]}


def _rule(row: AlertRule) -> dict[str, Any]:
    return {"id": row.pk, **services.of_rule(row)}


def _rules(rules: list[dict[str, Any]]) -> list[tuple[str, ...]]:
    table: list[tuple[str, ...]] = [("rule", "event", "at", "of", "to", "quiet", "state")]
    for each in rules:
        quiet = f"{each['quiet_from']}-{each['quiet_to']}" if each["quiet_from"] else "-"
        at, of = "-" if each["threshold"] is None else str(each["threshold"]), each["subject"] or "all"
        state, to = "on" if each["enabled"] else "off", ", ".join(each["channels"]) or "nobody"
        table.append((str(each["id"]), each["event"], at, of, to, quiet, state))
    return table
