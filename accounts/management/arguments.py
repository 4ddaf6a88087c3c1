"""Declare what `accounts` takes. No Django here: help must be quick."""

from __future__ import annotations

import argparse

from gateway.kernel.arguments import actions

SOURCES = ("directory", "api_key", "oauth", "environment", "aws", "google", "azure")
STRATEGIES = ("round-robin", "priority", "least-used", "weighted")


def accounts(parser: argparse.ArgumentParser) -> None:
    """Declare the subcommands of `accounts`."""
    command = actions(parser)
    command("list", "list every account, in the order in which they are chosen")
    _add_options(command("add", "add an account"))
    for name, text in (
        ("show", "show an account with its cooldowns and quota"),
        ("pause", "stop using an account"),
        ("resume", "use a paused account again"),
        ("clear", "end an account's cooldowns and marks, close its provider's breaker"),
        ("remove", "delete an account"),
        ("test", "ask the upstream whether it accepts the credential"),
    ):
        command(name, text).add_argument("name", metavar="NAME")
    strategy = command("strategy", "show how the next account is chosen, or change it")
    strategy.add_argument("strategy", nargs="?", choices=("", *STRATEGIES), metavar="STRATEGY")
    strategy.epilog = f"One of {', '.join(STRATEGIES)}; an empty one goes back to the setting."


def _add_options(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--name", required=True)
    parser.add_argument("--source", required=True, choices=SOURCES)
    parser.add_argument("--provider", metavar="NAME", help="default: anthropic")
    parser.add_argument("--location", metavar="PATH|VARIABLE", help="of a directory or environment account")
    parser.add_argument("--region", metavar="REGION", help="at a cloud; takes precedence over the provider's")
    for name, text in (
        ("access-key-id", "of an aws account"),
        ("role-arn", "of an aws account: the role to assume"),
        ("tenant-id", "of an azure account"),
        ("client-id", "of an azure account"),
    ):
        parser.add_argument(f"--{name}", metavar="ID", help=text)
    parser.add_argument(
        "--expires-at", type=float, metavar="SECONDS", help="Unix seconds, of an oauth account"
    )
    parser.add_argument("--proxy", metavar="URL", help="egress proxy of this account")
    for name in ("priority", "weight", "max-parallel", "pause-at-percent"):
        parser.add_argument(f"--{name}", type=int, metavar="N")
    parser.add_argument(
        "--request-caps",
        nargs="+",
        type=_cap,
        metavar="REQUESTS/SECONDS",
        help="requests within so many seconds: 50/60 1000/86400",
    )
    parser.epilog = "Secrets are read from standard input, one line each, never from the command line."


def _cap(text: str) -> dict[str, int]:
    """Parse one of `request_caps`, as the API has them. The service checks the numbers."""
    requests, _, seconds = text.partition("/")
    try:
        return {"requests": int(requests), "window_seconds": int(seconds)}
    except ValueError:
        raise argparse.ArgumentTypeError(f"{text!r} is not REQUESTS/SECONDS, such as 50/60") from None
