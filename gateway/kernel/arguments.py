"""Declare commands with `argparse` alone, so that help and usage errors cost no set-up of Django.

Each app declares its commands in `management/arguments.py`; `gateway/management/program.py` and Django's own command
line read the same declarations.
"""

from __future__ import annotations

import argparse
from collections.abc import Callable

Subcommand = Callable[[str, str], argparse.ArgumentParser]
Declare = Callable[[argparse.ArgumentParser], None]


def add_json(parser: argparse._ActionsContainer) -> None:
    """Declare `--json`, which `ResultCommand.say` obeys."""
    parser.add_argument("--json", action="store_true", dest="as_json", help="print JSON")


def actions(parser: argparse.ArgumentParser) -> Subcommand:
    """Give a parser subcommands; return what declares one: `command(name, help)` returns its parser."""
    commands = parser.add_subparsers(dest="action", required=True, metavar="COMMAND")

    def command(name: str, text: str) -> argparse.ArgumentParser:
        made = commands.add_parser(name, help=text, description=text[:1].upper() + text[1:] + ".")
        add_json(made)
        return made

    return command


def comma_list(text: str) -> list[str]:
    """Read `A,B`."""
    return text.split(",")
