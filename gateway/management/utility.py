"""Django's own command line, for `manage.py`."""

from __future__ import annotations

from collections.abc import Callable
from typing import NoReturn

from django.core.management import ManagementUtility, get_commands
from django.core.management.base import BaseCommand


class Utility(ManagementUtility):
    """Django's command line with our word for a command that is not there."""

    def __init__(self, argv: list[str], unknown: Callable[[], NoReturn]) -> None:
        super().__init__(argv)
        self._unknown = unknown

    def fetch_command(self, subcommand: str) -> BaseCommand:
        if subcommand not in get_commands():
            self._unknown()
        return super().fetch_command(subcommand)
