"""Declare what `deliver` and `federation` take. No Django here: help must be quick."""

from __future__ import annotations

import argparse

from gateway.kernel.arguments import actions, add_json


def deliver(parser: argparse.ArgumentParser) -> None:
    """Declare the options of `deliver`."""
    parser.add_argument("--once", action="store_true", help="deliver what is due now, then end")
    add_json(parser)


def federation(parser: argparse.ArgumentParser) -> None:
    """Declare the subcommands of `federation`."""
    command = actions(parser)
    command("follow", "ask to follow an actor").add_argument("uri", metavar="URI")
    command("unfollow", "stop following an actor").add_argument("uri", metavar="URI")
    command("following", "list whom we follow or have asked to follow")
    command("followers", "list who follows us")
    command("deliveries", "list deliveries, newest first")
    command("rotate-keys", "replace our keys with new ones")
