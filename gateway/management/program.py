"""The program `router`: every command of the gateway, with help that needs neither Django nor a configuration.

`link-assistant-router` is the same program and serves without a command, as the Rust router does; `manage.py` is the
same too and takes Django's commands beside ours.
"""

from __future__ import annotations

import argparse
import difflib
import json
import os
import re
import sys
from collections.abc import Iterator, Sequence
from importlib import import_module
from typing import Any, NamedTuple, NoReturn

from gateway import VERSION
from gateway.config import reading
from gateway.config.options import ConfigurationError
from gateway.config.table import flags
from gateway.management import arguments as own
from gateway.servers.collector import uncollected

NAME, REFERENCE_NAME = "router", "link-assistant-router"
USAGE = 2
HELP, VERSIONS = ("--help", "-h", "help"), ("--version", "-V", "version")


class Known(NamedTuple):
    """One command: what help says of it, what declares its arguments, and what runs it."""

    text: str
    declared: str  # module:function
    runs: str  # the module of its Django command
    has_pages: bool = False  # it needs the admin and the API, not rows alone
    is_anywhere: bool = False  # it works where no gateway is configured


def _known(app: str, name: str, text: str, **more: bool) -> Known:
    return Known(text, f"{app}.management.arguments:{name}", f"{app}.management.commands.{name}", **more)


COMMANDS = {
    "serve": _known("gateway", "serve", "start the HTTP server", has_pages=True),
    "setup-link": Known(
        "print a link with which the first admin is made",
        "gateway.management.arguments:setup_link",
        "gateway.management.commands.setup_link",
    ),
    "tokens": _known("tokens", "tokens", "issue, list, change, revoke, rotate and import client tokens"),
    "groups": _known("tokens", "groups", "manage groups of tokens, which share limits"),
    "people": _known("tokens", "people", "manage people who sign in, and their limits"),
    "policies": _known("tokens", "policies", "manage the settings that people's clients get"),
    "accounts": _known("accounts", "accounts", "manage accounts at the providers, and how they are chosen"),
    "providers": _known("providers", "providers", "manage providers: where calls go"),
    "routes": _known("providers", "routes", "manage routes: which model goes where"),
    "prices": _known("gateway", "prices", "manage prices: what models cost"),
    "payments": _known("gateway", "payments", "list payments for calls, and refund what is owed"),
    "usage": _known("gateway", "usage", "show who used what, and what it cost"),
    "requests": _known("gateway", "requests", "show finished calls, and what happened to each"),
    "audit": _known("gateway", "audit", "show who changed what"),
    "alerts": Known(
        "manage alerts, test them, and show what was sent",
        "gateway.management.acting:alerts",
        "gateway.management.commands.alerts",
    ),
    "rehearse": Known(
        "rehearse a fault: let calls of an account or provider fail",
        "gateway.management.acting:rehearse",
        "gateway.management.commands.rehearse",
    ),
    "federation": _known("forgefed", "federation", "manage whom we follow, followers, deliveries and keys"),
    "deliver": _known("forgefed", "deliver", "deliver messages to other servers, beside `serve`"),
    "doctor": _known("gateway", "doctor", "report what is configured, and what is wrong", has_pages=True),
    "clients": _known(
        "gateway",
        "clients",
        "set up Claude Code, Codex and others, and prove that it works",
        is_anywhere=True,
    ),
    "completion": Known(
        "print a script that completes commands in bash, zsh or tcsh",
        "gateway.management.arguments:completion",
        "",
    ),
}


class Parser(argparse.ArgumentParser):
    """An argument parser that says what may have been meant, and always ends with status 2."""

    def __init__(self, **given: Any) -> None:
        super().__init__(allow_abbrev=False, **given)

    def options(self) -> set[str]:
        """Return every flag of this parser and of those below it."""
        mine = {text for action in self._actions for text in action.option_strings}
        below = (action.choices for action in self._actions if isinstance(action.choices, dict))
        return mine.union(*(parser.options() for parsers in below for parser in parsers.values()))

    def has_commands(self) -> bool:
        return any(isinstance(action.choices, dict) for action in self._actions)

    def lowest(self, words: str) -> Iterator[tuple[str, Parser]]:
        """Yield every command that has none below it, `words` before its name."""
        if not self.has_commands():
            yield words, self
        for action in self._actions:
            for name, parser in action.choices.items() if isinstance(action.choices, dict) else ():
                yield from parser.lowest(f"{words} {name}")

    def error(self, message: str) -> NoReturn:
        self.print_usage(sys.stderr)
        self.exit(USAGE, f"error: {message}{self._meant(message)}\n")

    def _meant(self, message: str) -> str:
        choice = re.search(r"invalid choice: '(.*?)' \(choose from (.*)\)", message)
        if choice:
            return _meant(choice[1], re.findall(r"[\w-]+", choice[2]))
        unknown = re.match(r"unrecognized arguments: (-[^\s=]+)", message)
        return _meant(unknown[1], [*self.options(), *flags()]) if unknown else ""


def _meant(word: str, choices: Sequence[str]) -> str:
    close = difflib.get_close_matches(word, choices, 1)
    return f"\n  did you mean {close[0]}?" if close else ""


def main(argv: Sequence[str] | None = None) -> None:
    """Run `router`."""
    _run(NAME, list(sys.argv[1:] if argv is None else argv))


def reference_main(argv: Sequence[str] | None = None) -> None:
    """Run `link-assistant-router`, which serves without a command."""
    _run(REFERENCE_NAME, list(sys.argv[1:] if argv is None else argv), usual=["serve"])


def manage_main(argv: Sequence[str]) -> None:
    """Run `manage.py`: our commands, and Django's."""
    _run("manage.py", list(argv), with_django=True)


def _run(name: str, given: list[str], usual: Sequence[str] = (), *, with_django: bool = False) -> None:
    try:
        rest = reading.take_flags(given, os.environ) or list(usual)
    except ConfigurationError as error:
        _end(f"Configuration error: {error}")
    if not rest:
        sys.stderr.write(_help(name))
        sys.exit(USAGE)
    if rest[0] in HELP and not (rest[0] == "help" and rest[1:]):
        sys.stdout.write(_help(name))
    elif rest[0] in VERSIONS:
        sys.stdout.write(f"{REFERENCE_NAME} {VERSION}\n")
    else:
        command, *more = [*rest[1:], "--help"] if rest[0] == "help" else rest
        _command(name, command, more, with_django=with_django)


def _command(name: str, command: str, given: list[str], *, with_django: bool) -> None:
    if command == "completion":
        return _complete(name, given)
    known = COMMANDS.get(command)
    if known is None:
        if with_django and not command.startswith("-"):
            return _django(name, command, given)
        _unknown(name, command)
    parser = parser_of(command, name)
    if given[:1] == ["help"] and parser.has_commands():  # `tokens help list`, as the reference takes it
        given = [*given[1:], "--help"]
    parsed = vars(parser.parse_args(given))
    if not known.is_anywhere:
        _configure()
    return _execute(known, parsed)


def parser_of(command: str, name: str = NAME) -> Parser:
    """Return what reads the arguments of a command."""
    known = COMMANDS[command]
    has_options = command not in ("serve", "completion")  # of the gateway, beside its own
    parser = Parser(
        prog=f"{name} {command}",
        description=known.text[:1].upper() + known.text[1:] + ".",
        epilog=f"The gateway's options are accepted too: {name} --help lists them." if has_options else None,
    )
    _declare(parser, known)
    return parser


def _declare(parser: argparse.ArgumentParser, known: Known) -> None:
    module, _, function = known.declared.partition(":")
    getattr(import_module(module), function)(parser)


def _unknown(name: str, command: str) -> NoReturn:
    if command.startswith("-"):
        _end(f"error: unexpected argument {command!r}{_meant(command, list(flags()))}", _usage(name))
    _end(f"error: there is no command {command!r}{_meant(command, list(COMMANDS))}", _usage(name))


def _usage(name: str) -> str:
    return f"usage: {name} [OPTIONS] COMMAND ... (--help lists both)"


def _end(*lines: str) -> NoReturn:
    sys.stderr.write("\n".join(lines) + "\n")
    sys.exit(USAGE)


def _help(name: str) -> str:
    """Return the page that lists every command and every option of the gateway."""
    parser = Parser(
        prog=name,
        usage=f"{name} [OPTIONS] COMMAND ...",
        description="One gateway between LLM clients and the accounts and providers that serve them.",
        epilog=f"{name} COMMAND --help tells more of a command.",
    )
    parser.add_argument("--version", "-V", action="store_true", help="print the version")
    commands = parser.add_subparsers(title="commands", metavar="COMMAND")
    for command, known in COMMANDS.items():
        commands.add_parser(command, help=known.text)
    own.add_options(parser)
    return parser.format_help()


def _configure() -> None:
    try:
        reading.require_secret(reading.current())
    except ConfigurationError as error:
        _end(f"Configuration error: {error}")


def _execute(known: Known, parsed: dict[str, Any]) -> None:
    import django  # noqa: PLC0415 - help, versions and usage errors do without it
    from django.core.management.base import CommandError  # noqa: PLC0415
    from django.db import connections  # noqa: PLC0415

    settings = "gateway.settings" if known.has_pages else "gateway.command_settings"
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", settings)
    with uncollected():
        django.setup()
    usual = {"force_color": False, "no_color": False, "verbosity": 1, "traceback": False}
    try:
        import_module(known.runs).Command().execute(**usual, **parsed)
    except CommandError as error:
        is_json = parsed.get("as_json", False)
        sys.stderr.write((json.dumps({"error": str(error)}) if is_json else f"error: {error}") + "\n")
        sys.exit(error.returncode)
    finally:
        connections.close_all()


WITHOUT_SECRET = ("check", "makemigrations", "collectstatic")
"""Django's commands that neither serve nor touch a row; they work in a build, before there is a secret."""


def _django(name: str, command: str, given: list[str]) -> None:
    from gateway.management.utility import Utility  # noqa: PLC0415 - as below

    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "gateway.settings")
    if command not in WITHOUT_SECRET and not {"--help", "-h"} & set(given):
        _configure()
    try:
        Utility([sys.argv[0], command, *given], lambda: _unknown(name, command)).execute()
    except ConfigurationError as error:
        _end(f"Configuration error: {error}")


def _complete(name: str, given: list[str]) -> None:
    import shtab  # noqa: PLC0415 - nothing else needs it

    asked = parser_of("completion", name).parse_args(given)
    whole = Parser(prog=name)
    commands = whole.add_subparsers(metavar="COMMAND")
    for command, known in COMMANDS.items():
        made = commands.add_parser(command, help=known.text, description=known.text)
        _declare(made, known)
    script = shtab.complete(whole, asked.shell)
    if asked.as_json:
        script = json.dumps({"shell": asked.shell, "script": script})
    sys.stdout.write(script + "\n")


if __name__ == "__main__":
    main()
