"""Declare what `serve`, `doctor` and the commands on rows take. No Django here: help must be quick."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import Any

from gateway.clients.programs import CLIENTS, USUAL_MODEL
from gateway.config.options import Option
from gateway.config.table import table
from gateway.kernel.arguments import actions, add_json

PRICES = ("input", "output", "cache_read", "cache_write_5m", "cache_write_1h")
EXTRAS = ("web_search", "batch_multiple", "fast_multiple", "region_multiple")

USAGE_FILTERS = ("person", "token", "group", "model", "account", "provider", "surface")
PAYMENT_STATUSES = ("claimed", "settled", "failed", "refunded", "refund-due", "unknown")


def serve(parser: argparse.ArgumentParser) -> None:
    """Declare `serve`: every option of the gateway is a flag of it."""
    parser.add_argument(
        "--json", action="store_true", dest="as_json", help="print the listening address as a line of JSON"
    )
    add_options(parser)


def doctor(parser: argparse.ArgumentParser) -> None:
    """Declare `doctor`."""
    parser.add_argument("--online", action="store_true", help="also ask the upstreams")
    add_json(parser)


def setup_link(parser: argparse.ArgumentParser) -> None:
    """Declare `setup-link`."""
    add_json(parser)


def completion(parser: argparse.ArgumentParser) -> None:
    """Declare `completion`."""
    import shtab  # noqa: PLC0415 - nothing else needs it

    parser.add_argument("shell", choices=shtab.SUPPORTED_SHELLS)
    add_json(parser)


def clients(parser: argparse.ArgumentParser) -> None:
    """Declare the subcommands of `clients`."""
    command = actions(parser)
    setup = command("setup", "print or write the configuration of a program")
    setup.add_argument("client", choices=list(CLIENTS), metavar="|".join(CLIENTS))
    what = setup.add_mutually_exclusive_group()
    what.add_argument(
        "--write",
        action="store_true",
        help="write it into the program's file, and keep a copy of the old one",
    )
    what.add_argument("--undo", action="store_true", help="restore what --write replaced")
    setup.add_argument(
        "--url", default="", metavar="URL", help="the gateway's address; default: the one of this folder"
    )
    setup.add_argument(
        "--model", default="", metavar="NAME", help=f"default: {USUAL_MODEL}; Claude Code: its own choice"
    )
    setup.add_argument("--token-stdin", action="store_true", help="read a token instead of issuing one")
    setup.add_argument(
        "--ttl-hours",
        type=int,
        default=720,
        metavar="N",
        help="how long the issued token is valid (default 720)",
    )
    doctor = command("doctor", "make a real call with a program's configuration, the way it does")
    doctor.add_argument(
        "client",
        nargs="?",
        choices=list(CLIENTS),
        metavar="|".join(CLIENTS),
        help="default: all that are set up",
    )
    doctor.add_argument("--run", action="store_true", help="also let the program itself answer a prompt")


def prices(parser: argparse.ArgumentParser) -> None:
    """Declare the subcommands of `prices`."""
    command = actions(parser)
    command("list", "list every price").add_argument(
        "--model", default="", metavar="S", help="text in the model's name"
    )
    put = command("set", "set the price of a model; options that are left out stay as they are")
    remove = command("remove", "remove a price")
    for named in (put, remove):
        named.add_argument("model", metavar="MODEL", help="a name, or a pattern such as claude-opus-*")
        named.add_argument("--provider", default="", metavar="NAME", help="default: any provider")
    for name in (*PRICES, *EXTRAS):
        put.add_argument(f"--{name.replace('_', '-')}", metavar="0.25")
    put.add_argument("--currency", metavar="USD")
    put.add_argument("--max-output", type=int, metavar="N", help="tokens")
    put.add_argument("--priced-on", metavar="2026-11-24")
    put.add_argument("--source", metavar="S")
    command("import", "import a price file; default: the shipped one").add_argument(
        "file", nargs="?", type=Path, metavar="FILE"
    )


def payments(parser: argparse.ArgumentParser) -> None:
    """Declare the subcommands of `payments`."""
    command = actions(parser)
    listing = command("list", "list payments, newest first")
    listing.add_argument("--status", choices=PAYMENT_STATUSES)
    listing.add_argument("--limit", type=int, default=50, metavar="N", help="the newest N (default 50)")
    command("reconcile", "ask the provider about unknown payments, and refund payments that bought nothing")


def usage(parser: argparse.ArgumentParser) -> None:
    """Declare `usage`."""
    add_period(parser)
    parser.add_argument(
        "--month", nargs="?", const="this", default="", metavar="2026-11", help="without a value: this month"
    )
    parser.add_argument("--period", default="", metavar="P", help="today, yesterday, 7d or 30d")
    parser.add_argument(
        "--by", default="", metavar="A,B", help=f"up to three of {', '.join((*USAGE_FILTERS, 'day'))}"
    )
    for name in USAGE_FILTERS:
        parser.add_argument(f"--{name}", default="", metavar="X", help=f"only of this {name}")
    parser.add_argument(
        "--sort", default="", metavar="COLUMN", help="with - in front: descending, such as -cost"
    )
    forms = parser.add_mutually_exclusive_group()
    add_json(forms)
    forms.add_argument("--csv", action="store_true", dest="as_csv", help="print CSV")


def requests(parser: argparse.ArgumentParser) -> None:
    """Declare `requests`."""
    parser.add_argument("id", nargs="?", default="", metavar="ID", help="explain this call; default: a list")
    for name in USAGE_FILTERS:
        parser.add_argument(f"--{name}", default="", metavar="X", help=f"only of this {name}")
    parser.add_argument("--status", default="", metavar="S", help="ok, failed, 2xx to 5xx, or a number")
    parser.add_argument("--slower-than", default="", metavar="SECONDS")
    parser.add_argument("-q", default="", metavar="TEXT", help="a request id, or text in the token's label")
    add_period(parser)
    parser.add_argument("--limit", type=int, default=50, metavar="N", help="the newest N (default 50)")
    add_json(parser)


def audit(parser: argparse.ArgumentParser) -> None:
    """Declare `audit`."""
    parser.add_argument(
        "--who", default="", metavar="NAME", help="an e-mail or user, or a kind such as command"
    )
    parser.add_argument("--action", default="", metavar="A", help="such as token.issue")
    parser.add_argument("--subject", default="", metavar="S", help="such as account:primary")
    parser.add_argument(
        "--via", default="", metavar="WAY", help="console, admin, api, command, login or system"
    )
    add_period(parser)
    parser.add_argument("--limit", type=int, default=100, metavar="N", help="the newest N (default 100)")
    forms = parser.add_mutually_exclusive_group()
    add_json(forms)
    forms.add_argument(
        "--jsonl", action="store_true", dest="as_lines", help="print everything, one line of JSON each"
    )


def add_period(parser: argparse.ArgumentParser) -> None:
    """Declare `--from` and `--to`, as the API has them."""
    for name, dest in (("from", "begins"), ("to", "ends")):
        parser.add_argument(
            f"--{name}", default="", dest=dest, metavar="DAY", help="a UTC day (inclusive), or a time"
        )


def add_options(parser: argparse.ArgumentParser) -> None:
    """Add the gateway's flags, for `--help`: names and defaults, never a value that is set."""
    group = parser.add_argument_group(
        "gateway options", "Accepted by every command, before or after its name."
    )
    for option in table().values():
        form: dict[str, Any] = {"action": "store_true"} if option.is_switch else {"metavar": "X"}
        help_text = describe(option).replace("%", "%%")
        group.add_argument(option.flag, dest=option.name, default=argparse.SUPPRESS, help=help_text, **form)


def describe(option: Option) -> str:
    """Return one line of help."""
    parts = [option.help, f"[env: {option.name}]"]
    if option.is_secret:
        parts.append(f"[or {option.file_flag}, {option.file_name}: a file with it]")
    if option.values and not option.is_switch:
        parts.append(f"[{', '.join(option.values)}]")
    if option.default_text and not option.is_switch:
        parts.append("[default: {}]".format(option.default_text.replace("\n", " ")))
    return " ".join(parts)
