"""Declare `alerts` and `rehearse`. No Django here: help must be quick."""

from __future__ import annotations

import argparse

from gateway.kernel.arguments import actions, comma_list

EVENTS = (
    "budget", "account-out", "account-login", "provider-out", "error-rate", "token-expires", "disk", "database",
    "redis",
)  # fmt: skip
KINDS = ("email", "webhook", "slack", "discord", "teams")
STATES = ("firing", "resolved", "test")
FAULTS = ("429", "529", "500", "stall", "cut")


def alerts(parser: argparse.ArgumentParser) -> None:
    """Declare the subcommands of `alerts`."""
    command = actions(parser)
    command("list", "list rules and channels")
    add = command("add", "add a rule: which event is sent to which channels")
    add.add_argument("event", choices=EVENTS, metavar="EVENT", help=", ".join(EVENTS))
    change = command("change", "change a rule; options that are left out stay as they are")
    change.add_argument("rule", metavar="ID", help="as shown by `alerts list`")
    state = change.add_mutually_exclusive_group()
    state.add_argument("--on", action="store_true", dest="enabled", default=None, help="switch the rule on")
    state.add_argument("--off", action="store_false", dest="enabled", help="keep the rule, but send nothing")
    for each in (add, change):
        _add_rule(each, is_new=each is add)
    command("remove", "remove a rule; the log keeps its messages").add_argument("rule", metavar="ID")
    channel = command("add-channel", "add a channel: where messages are sent")
    channel.add_argument("name", metavar="NAME")
    channel.add_argument("kind", choices=KINDS, metavar="KIND", help=", ".join(KINDS))
    change = command("change-channel", "change a channel's target or secret")
    change.add_argument("name", metavar="NAME")
    change.add_argument("--new-secret", action="store_true", help="give a webhook a new secret, and print it")
    for each in (channel, change):
        _add_target(each)
    command("remove-channel", "remove a channel, also from its rules").add_argument("name", metavar="NAME")
    command("test", "send a test to a channel; fail if it does not arrive").add_argument(
        "name", metavar="NAME"
    )
    log = command("log", "show what was sent, newest first")
    log.add_argument("--state", default="", choices=STATES)
    for name in ("channel", "event", "subject"):
        log.add_argument(f"--{name}", default="", metavar="X", help=f"only of this {name}")
    log.add_argument("--limit", type=int, default=50, metavar="N", help="the newest N (default 50)")


def _add_rule(parser: argparse.ArgumentParser, *, is_new: bool) -> None:
    parser.add_argument(
        "--channel",
        dest="channels",
        type=comma_list,
        required=is_new,
        metavar="A,B",
        help="names of channels",
    )
    parser.add_argument("--threshold", type=int, metavar="N", help="percent, or days of token-expires")
    parser.add_argument("--subject", metavar="S", help="such as group:team; default: all")
    parser.add_argument("--quiet-from", metavar="22:00", help="during quiet hours, wait until they are over")
    parser.add_argument("--quiet-to", metavar="07:00")


def _add_target(parser: argparse.ArgumentParser) -> None:
    where = parser.add_mutually_exclusive_group()
    where.add_argument(
        "--target", metavar="X", help="addresses, or a URL; other users of this machine can see it"
    )
    where.add_argument("--target-stdin", action="store_true", help="read it from standard input")


def rehearse(parser: argparse.ArgumentParser) -> None:
    """Declare the subcommands of `rehearse`."""
    command = actions(parser)
    start = command(
        "start", "let calls of an account or a provider meet a fault; nothing of them goes upstream"
    )
    where = start.add_mutually_exclusive_group(required=True)
    where.add_argument("--account", metavar="NAME")
    where.add_argument("--provider", metavar="NAME")
    start.add_argument("--fault", required=True, choices=FAULTS)
    start.add_argument(
        "--calls", type=int, metavar="N", help="end after this many calls; default: by time only"
    )
    start.add_argument(
        "--seconds", type=int, metavar="N", help="end after this time (default 60, at most 600)"
    )
    command("list", "list running rehearsals")
    command("end", "end a running rehearsal").add_argument("rehearsal", metavar="ID")
