"""`manage.py doctor`: what is configured, what is there, what is wrong. Exit status 1 when something is."""

from __future__ import annotations

import json
import sys
from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand, CommandParser

from gateway import doctor


class Command(BaseCommand):
    help = "Report configuration, stores, accounts and providers; exit with 1 when something is wrong."
    requires_system_checks = ()

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--online", action="store_true", help="also ask the upstreams")
        parser.add_argument("--json", action="store_true", dest="as_json", help="print JSON")

    def handle(self, *args: Any, **options: Any) -> None:
        found = list(doctor.report(options["online"]))
        has_problem = any(finding.is_problem for finding in found)
        if options["as_json"]:
            lines = [
                {"label": finding.label.strip(), "text": finding.text, "is_problem": finding.is_problem}
                for finding in found
            ]
            view = {"version": settings.VERSION, "ok": not has_problem, "findings": lines}
            self.stdout.write(json.dumps(view, ensure_ascii=False, indent=2))
        else:
            self.stdout.write(f"Link.Assistant.Router v{settings.VERSION}")
            for finding in found:
                self.stdout.write(str(finding))
        if has_problem:
            sys.exit(1)
