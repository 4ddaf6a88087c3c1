"""The command `doctor`: reports what is configured and what is there; exits with 1 when that is wrong."""

from __future__ import annotations

import sys
from typing import Any

from gateway import VERSION
from gateway.console import doctor
from gateway.kernel.commands import FAILED, ResultCommand
from gateway.management import arguments


class Command(ResultCommand):
    help = "Report configuration, stores, accounts and providers; exit with 1 when something is wrong."

    declare = staticmethod(arguments.doctor)

    def handle(self, *args: Any, **options: Any) -> None:
        found = list(doctor.report(options["online"]))
        has_problem = any(finding.is_problem for finding in found)
        findings = [
            {"label": finding.label.strip(), "text": finding.text, "is_problem": finding.is_problem}
            for finding in found
        ]
        view = {"version": VERSION, "ok": not has_problem, "findings": findings}
        self.say(options, view, [f"Link.Assistant.Router v{VERSION}", *map(str, found)])
        if has_problem:
            sys.exit(FAILED)
