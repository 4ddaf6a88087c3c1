"""The command `payments`: lists payments, and finds out about those that nobody is sure of."""

from __future__ import annotations

import asyncio
from itertools import islice
from typing import Any

from gateway.config.options import ConfigurationError
from gateway.kernel.commands import ActionCommand, Failure, columns
from gateway.kernel.principal import COMMAND_LINE
from gateway.management import arguments
from gateway.models import PaymentStatus
from gateway.payments import options as payment_options
from gateway.payments import presenting, refunds
from gateway.payments.claims import in_thread
from gateway.payments.methods.base import Method
from gateway.payments.methods.table import build
from gateway.payments.refunds import Reconciled

WIDTHS = (36, 10, 10, 14, 6)
OPEN = (PaymentStatus.UNKNOWN, PaymentStatus.CLAIMED, PaymentStatus.REFUND_DUE)


class Command(ActionCommand):
    help = "List payments; ask the provider about those whose outcome is not known, and refund what is owed."
    failures = (Failure(ConfigurationError, lambda problem: f"error: {problem}"),)

    declare = staticmethod(arguments.payments)

    def do_list(self, options: dict[str, Any]) -> None:
        rows = list(islice(presenting.find(options["status"]), max(0, options["limit"])))
        table = [("id", "method", "status", "amount", "", "reference")]
        table += [
            (str(row.pk), row.method, row.status, row.amount, row.currency, row.reference or "-")
            for row in rows
        ]
        shown = {"payments": [presenting.payment(row) for row in rows]}
        self.say(options, shown, [columns(row, WIDTHS) for row in table])

    def do_reconcile(self, options: dict[str, Any]) -> None:
        """Exit with 1 while something stays open, so that a timer can raise an alarm."""
        paying = payment_options.from_settings()
        methods = {} if paying is None else build(paying)
        found = asyncio.run(_reconcile(methods))
        told = [{**presenting.payment(one.payment), "was": one.before} for one in found]
        lines = [
            f"{one.payment.pk}: {one.before} -> {one.payment.status}"
            if one.has_changed
            else f"{one.payment.pk}: still {one.payment.status}"
            for one in found
        ]
        self.say(options, {"payments": told}, lines or ["nothing is open"])
        left = [one for one in found if one.payment.status in OPEN]
        if left:
            self.fail(f"{len(left)} payment(s) are still open: try again, or settle them by hand")


async def _reconcile(methods: dict[str, Method]) -> list[Reconciled]:
    try:
        rows = await in_thread(refunds.open_payments)()
        return [await refunds.reconcile(row, methods, COMMAND_LINE) for row in rows]
    finally:
        for method in methods.values():
            await method.aclose()
