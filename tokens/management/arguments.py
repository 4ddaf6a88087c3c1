"""Declare what `tokens` and `groups` take. No Django here: help must be quick."""

from __future__ import annotations

import argparse
from collections.abc import Callable
from pathlib import Path
from typing import Any

from gateway.kernel.arguments import actions, comma_list

ROLES = ("viewer", "operator", "admin", "developer", "none")
STATES = ("active", "revoked", "expired")
WORDS = {
    "priority": "of a person's groups the lowest goes first (100)",
    "member_budget": "of each member who has none of her own",
    "person": "who answers for it",
    "allowed_models": "names or patterns: claude-*; none given: all",
    "allowed_surfaces": "messages, chat_completions, responses, ...; none given: all",
}
NUMBERS = (
    "max_requests",
    "requests_per_minute",
    "input_tokens_per_minute",
    "output_tokens_per_minute",
    "max_parallel_requests",
)


def true_or_false(text: str) -> bool:
    """Parse `true` or `false`."""
    if text not in ("true", "false"):
        raise argparse.ArgumentTypeError("must be true or false")
    return text == "true"


Limits = dict[str, tuple[Callable[[str], Any], str]]
SHARED: Limits = {
    **dict.fromkeys(NUMBERS, (int, "N")),
    "budget": (str, "12.50"),
    "budget_currency": (str, "USD"),
    "budget_period": (str, "day|week|month|never"),
    "budget_soft_percent": (int, "N"),
    **dict.fromkeys(("allowed_models", "allowed_surfaces"), (comma_list, "A,B")),
}
"""Limits, and how each is read and shown in help."""
TOKEN: Limits = {
    **dict.fromkeys(("account", "provider", "group"), (str, "NAME")),
    "person": (str, "EMAIL"),
    "payment": (str, "charge|exempt|prepaid"),
    "log_requests": (true_or_false, "true|false"),
    **SHARED,
}
GROUP: Limits = {
    "parent": (str, "NAME"),
    "priority": (int, "N"),
    "member_budget": (str, "12.50"),
    "member_budget_period": (str, "day|week|month|never"),
    **SHARED,
}


def tokens(parser: argparse.ArgumentParser) -> None:
    """Declare the subcommands of `tokens`."""
    command = actions(parser)
    issue = command("issue", "make a token and print its secret, once")
    issue.add_argument("--ttl-hours", type=int, metavar="N", help="1 to 87600 (default 24)")
    issue.add_argument("--label", metavar="S")
    issue.add_argument(
        "--handover", action="store_true", help="print a link that shows the secret once, not the secret"
    )
    _add_limits(issue, TOKEN)
    _add_filters(command("list", "list tokens, newest first"))
    command("show", "show a token's record").add_argument("id", metavar="ID")
    command("revoke", "refuse a token from now on").add_argument("id", metavar="ID")
    command("expire", "the same as revoke").add_argument("id", metavar="ID")
    change = command(
        "change", "change a token's label and limits; options that are left out stay as they are"
    )
    change.add_argument("id", metavar="ID")
    change.add_argument("--label", metavar="S")
    _add_limits(change, TOKEN)
    _add_clear(change)
    rotate = command("rotate", "replace a token's secret and print the new one")
    rotate.add_argument("id", metavar="ID")
    rotate.add_argument(
        "--grace-seconds",
        type=int,
        metavar="N",
        help="how long the old secret still works (default 3600; 0: not at all)",
    )
    rotate.add_argument("--ttl-hours", type=int, metavar="N", help="default: as long as the old token")
    command("import", "read the token files of the Rust router").add_argument(
        "directory", nargs="?", type=Path, help="default: the data directory"
    )
    command("export", "write token files for the Rust router, to go back to it").add_argument(
        "directory", type=Path, help="created if missing; must not hold token files yet"
    )


def groups(parser: argparse.ArgumentParser) -> None:
    """Declare the subcommands of `groups`."""
    command = actions(parser)
    command("list", "list groups, by name")
    for name, text in (
        ("add", "add a group"),
        ("show", "show a group, its limits, and how much of them is used"),
        ("change", "change a group's limits; options that are left out stay as they are"),
        ("remove", "remove a group that nothing belongs to"),
    ):
        parsed = command(name, text)
        parsed.add_argument("name", metavar="NAME")
        if name in ("add", "change"):
            _add_limits(parsed, GROUP)
        if name == "change":
            parsed.add_argument("--rename", metavar="NAME")
            _add_clear(parsed)


def people(parser: argparse.ArgumentParser) -> None:
    """Declare the subcommands of `people`."""
    command = actions(parser)
    command("list", "list people, by address")
    for name, text in (
        ("add", "add a person; without a password she can sign in only at the issuer"),
        ("show", "show a person, what she has spent, and where she is signed in"),
        ("change", "change a person; options that are left out stay as they are"),
        ("sign-out", "end all sign-ins of a person"),
        ("remove", "remove a person, and end her sign-ins"),
    ):
        parsed = command(name, text)
        parsed.add_argument("email", metavar="EMAIL")
        if name in ("add", "change"):
            _add_person(parsed)
        if name == "change":
            access = parsed.add_mutually_exclusive_group()
            access.add_argument(
                "--active", action="store_true", dest="active", default=None, help="let her in"
            )
            access.add_argument(
                "--inactive", action="store_false", dest="active", default=None, help="keep her out"
            )
            parsed.add_argument("--no-totp", action="store_true", help="switch her second factor off")
            parsed.add_argument("--no-groups", action="store_true", help="take her out of all groups")
            _add_clear(parsed)


def _add_person(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--group",
        action="append",
        dest="groups",
        metavar="NAME",
        help="one of her groups, replacing the old ones; repeatable",
    )
    parser.add_argument("--name", metavar="S")
    parser.add_argument(
        "--staff", action=argparse.BooleanOptionalAction, dest="is_staff", help="may she open the admin"
    )
    parser.add_argument("--role", choices=ROLES, help="what she may do in the console, the admin and the API")
    parser.add_argument(
        "--password-stdin", action="store_true", help="read a password from standard input, one line"
    )
    _add_limits(parser, SHARED)


def policies(parser: argparse.ArgumentParser) -> None:
    """Declare the subcommands of `policies`."""
    command = actions(parser)
    command("list", "list policies, by group")
    for name, text in (
        ("set", "give a group's people these settings"),
        ("show", "show the settings that a group's people get"),
        ("remove", "take a group's settings away"),
    ):
        parsed = command(name, text)
        parsed.add_argument(
            "group", metavar="GROUP", help="its name; *: everybody without a policy of her own groups"
        )
        if name == "set":
            parsed.add_argument(
                "--file", required=True, type=Path, metavar="F", help="JSON, as in managed-settings.json"
            )


def _add_limits(parser: argparse.ArgumentParser, limits: dict[str, tuple[Callable[[str], Any], str]]) -> None:
    for name, (read, shown) in limits.items():
        parser.add_argument(f"--{name.replace('_', '-')}", type=read, metavar=shown, help=WORDS.get(name))


def _add_clear(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--clear", action="append", default=[], metavar="FIELD", help="lift a limit; repeatable"
    )


def _add_filters(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--label", metavar="S", help="text in the label")
    parser.add_argument("--state", choices=STATES)
    parser.add_argument("--account", metavar="NAME")
    parser.add_argument("--group", metavar="NAME")
    parser.add_argument("--person", metavar="EMAIL")
    parser.add_argument("--limit", type=_count, metavar="N", help="the newest N (default: all)")


def _count(text: str) -> int:
    if not text.isdigit():
        raise argparse.ArgumentTypeError("must be a number")
    return int(text)
