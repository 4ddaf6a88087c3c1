"""`manage.py accounts …`: standard output holds only the result, `--json` everywhere."""

from __future__ import annotations

import argparse
import getpass
import json
import sys
from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand, CommandParser
from django.db import DatabaseError

from accounts import services
from accounts.errors import AccountError, UnknownAccount
from accounts.models import Source, Strategy
from accounts.overview import account_view
from accounts.pool import Pool, options_from_settings
from accounts.probing import probe

WIDTHS = (16, 8, 6)  # the reference's columns; the last one is free
FAILED, NOT_FOUND = 1, 2
TERMS = (
    "provider",
    "location",
    "expires_at",
    "proxy",
    "priority",
    "weight",
    "request_caps",
    "max_parallel",
    "pause_at_percent",
)


class Command(BaseCommand):
    help = "List, add, show, pause, resume, clear, remove and test accounts; set how they are chosen."

    def add_arguments(self, parser: CommandParser) -> None:
        commands = parser.add_subparsers(dest="action", required=True, metavar="COMMAND")
        shared = CommandParser(add_help=False)
        shared.add_argument("--json", action="store_true", dest="as_json", help="print JSON")

        def command(name: str, text: str) -> argparse.ArgumentParser:
            made = commands.add_parser(name, help=text, parents=[shared])
            assert isinstance(made, argparse.ArgumentParser)
            return made

        command("list", "every account, in the order of choice")
        _add_options(command("add", "store another account"))
        for name, text in (
            ("show", "one account with its cooldowns and quota"),
            ("pause", "take an account out of choice"),
            ("resume", "put a paused account back"),
            ("clear", "end cooldowns and marks, close the provider's breaker"),
            ("remove", "delete an account"),
            ("test", "ask the upstream whether it takes the credential"),
        ):
            command(name, text).add_argument("name", metavar="NAME")

        strategy = command("strategy", "show how the next account is chosen, or change it")
        strategy.add_argument("strategy", nargs="?", choices=("", *Strategy.values), metavar="STRATEGY")
        strategy.epilog = f"One of {', '.join(Strategy.values)}; an empty one goes back to the setting."

    def handle(self, *args: Any, **options: Any) -> None:
        """Exit status: 0, 1 when it failed, 2 when there is no such account or the usage is wrong."""
        try:
            services.sync_once()
            getattr(self, f"do_{options['action']}")(options)
        except UnknownAccount as problem:
            self._fail(f"not found: {problem.name}", NOT_FOUND)
        except AccountError as problem:
            self._fail(f"error: {problem}", FAILED)
        except DatabaseError as problem:
            self._fail(f"error: database: {problem}", FAILED)

    def do_list(self, options: dict[str, Any]) -> None:
        views = _views()
        rows = [("name", "healthy", "used", "home")]
        for view in views:
            place = view["home"] or f"({view['source']})"
            rows.append((view["name"], str(view["healthy"]).lower(), str(view["used_total"]), place))
        self._say(options, {"data": views}, [_line(row) for row in rows])

    def do_add(self, options: dict[str, Any]) -> None:
        values = {name: options[name] for name in ("name", "source", *TERMS) if options[name] is not None}
        if options["source"] in (Source.API_KEY, Source.OAUTH):
            values["secret"] = _secret("API key" if options["source"] == Source.API_KEY else "access token")
        if options["source"] == Source.OAUTH:
            values["refresh_token"] = _secret("refresh token, empty for none")
        services.add(values)
        self._show(options, options["name"])

    def do_show(self, options: dict[str, Any]) -> None:
        self._show(options, services.get(options["name"]).name)

    def do_pause(self, options: dict[str, Any]) -> None:
        services.pause(options["name"])
        self._say(options, {"paused": options["name"]}, [f"paused {options['name']}"])

    def do_resume(self, options: dict[str, Any]) -> None:
        services.resume(options["name"])
        self._say(options, {"resumed": options["name"]}, [f"resumed {options['name']}"])

    def do_clear(self, options: dict[str, Any]) -> None:
        services.clear(options["name"])
        self._say(options, {"cleared": options["name"]}, [f"cleared {options['name']}"])

    def do_remove(self, options: dict[str, Any]) -> None:
        services.remove(options["name"])
        self._say(options, {"removed": options["name"]}, [f"removed {options['name']}"])

    def do_test(self, options: dict[str, Any]) -> None:
        result = probe(options["name"])
        document = {
            "ok": result.is_ok,
            "status": result.status,
            "message": result.message,
            "seconds": result.seconds,
        }
        self._say(options, document, [f"{options['name']}: {result.told}"])
        if not result.is_ok:
            sys.exit(FAILED)

    def do_strategy(self, options: dict[str, Any]) -> None:
        if options["strategy"] is not None:
            services.set_strategy(options["strategy"])
        strategy = str(services.strategy() or settings.ACCOUNT_ROUTING_STRATEGY)
        self._say(options, {"strategy": strategy}, [strategy])

    def _show(self, options: dict[str, Any], name: str) -> None:
        view = next(view for view in _views() if view["name"] == name)
        self._say(options, view, [json.dumps(view, indent=2)])

    def _say(self, options: dict[str, Any], document: object, lines: list[str]) -> None:
        self.stdout.write(json.dumps(document) if options["as_json"] else "\n".join(lines))

    def _fail(self, text: str, status: int) -> None:
        self.stderr.write(text)
        sys.exit(status)


def _add_options(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--name", required=True)
    parser.add_argument("--source", required=True, choices=Source.values)
    parser.add_argument("--provider", metavar="NAME", help="anthropic when not given")
    parser.add_argument("--location", metavar="PATH|VARIABLE", help="of a directory or environment account")
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
        help="requests in any window of so many seconds: 50/60 1000/86400",
    )
    parser.epilog = "Secrets are read from standard input, one line each, never from the command line."


def _cap(text: str) -> dict[str, int]:
    """One of `request_caps`, as the API has them. What the numbers may be is the service's to say."""
    requests, _, seconds = text.partition("/")
    try:
        return {"requests": int(requests), "window_seconds": int(seconds)}
    except ValueError:
        raise argparse.ArgumentTypeError(f"{text!r} is not REQUESTS/SECONDS, such as 50/60") from None


def _secret(what: str) -> str:
    """From a terminal without echo, else a line of standard input: arguments are seen by every process."""
    return getpass.getpass(f"{what}: ") if sys.stdin.isatty() else sys.stdin.readline().strip()


def _views() -> list[dict[str, Any]]:
    pool = Pool(options_from_settings())
    pool.load()
    return [account_view(state, pool.now(), include_paths=True) for state in pool.states()]


def _line(row: tuple[str, ...]) -> str:
    padded = [f"{cell:<{width}}" for cell, width in zip(row, WIDTHS, strict=False)]
    return "  ".join([*padded, row[-1]])
