"""Manage tokens with the reference's commands: `router tokens …`.

Standard output holds only the result.
"""

from __future__ import annotations

import ipaddress
import json
import time
from itertools import islice
from typing import Any

from django.conf import settings

from gateway.kernel.commands import NOT_FOUND, ActionCommand, Failure, columns
from gateway.kernel.moments import distance
from gateway.kernel.principal import COMMAND_LINE
from tokens import bodies, fields, presenting, services
from tokens.errors import TokenError, TokenNotFound
from tokens.files import services as file_services
from tokens.handover import services as handover
from tokens.limits import usage
from tokens.management import arguments
from tokens.models import Token
from tokens.pages.showing import used_of

WIDTHS = (36, 10, 10, 10)


class Command(ActionCommand):
    help = "Issue, list, show, change, revoke, expire, rotate and import client tokens."
    failures = (
        Failure(TokenNotFound, lambda problem: f"not found: {problem.token_id}", NOT_FOUND),
        Failure(TokenError, lambda problem: f"error: {problem.message}"),
        Failure(OSError, lambda problem: f"error: storage I/O error: {problem.strerror or problem}"),
    )

    declare = staticmethod(arguments.tokens)

    def prepare(self) -> None:
        file_services.sync_files(principal=COMMAND_LINE)

    def do_issue(self, options: dict[str, Any]) -> None:
        names = ("ttl_hours", "label", *fields.TOKEN_FIELDS)
        given = {name: options[name] for name in names if options.get(name) is not None}
        if handover.is_wanted(options["handover"]):
            made = handover.issue(principal=COMMAND_LINE, **given)
            told = presenting.handed_over(made, _usual_address(), time.time())
            self.say(options, told, [str(told["handover_url"])])
            return
        result = services.issue(principal=COMMAND_LINE, **given)
        self.say(options, presenting.issued(result, time.time()), [result.secret])

    def do_list(self, options: dict[str, Any]) -> None:
        names = ("label", "state", "account", "group", "person")
        filters = services.Filters(**{name: options[name] for name in names})
        tokens, now = list(islice(services.find_all(filters), options["limit"])), time.time()
        told = [presenting.record(token, now) for token in tokens]
        self.say(options, {"data": told}, _table(tokens, now if self.is_read_by_people else None))

    def do_show(self, options: dict[str, Any]) -> None:
        token = services.get(options["id"])
        shown = json.dumps(presenting.reference_record(token), indent=2, ensure_ascii=False)
        used = usage.of_token(token)
        told = {**presenting.record(token, time.time()), "usage": used}
        lines = used_of(used)
        # The reference's form alone for a token that no limit holds for, where no person reads it.
        times = [_times(token, time.time())] if self.is_read_by_people else []
        self.say(options, told, [shown, *(lines if len(lines) > 1 else ()), *times])

    def do_change(self, options: dict[str, Any]) -> None:
        given = dict.fromkeys((name.replace("-", "_") for name in options["clear"]), None)
        names = ("label", *fields.TOKEN_FIELDS)
        given |= {name: options[name] for name in names if options.get(name) is not None}
        token = services.change(options["id"], principal=COMMAND_LINE, **bodies.as_fields(given))
        self.say(options, presenting.record(token, time.time()), [f"changed {token.id}"])

    def do_revoke(self, options: dict[str, Any]) -> None:
        token = services.revoke(options["id"], principal=COMMAND_LINE)
        self.say(options, {"revoked": token.id}, [f"revoked {token.id}"])

    do_expire = do_revoke

    def do_rotate(self, options: dict[str, Any]) -> None:
        result = services.rotate(
            options["id"], options["grace_seconds"], options["ttl_hours"], principal=COMMAND_LINE
        )
        self.say(options, presenting.rotated(result, time.time()), [result.issued.secret])

    def do_import(self, options: dict[str, Any]) -> None:
        directory = options["directory"]
        if directory is None:
            report = file_services.sync_files(principal=COMMAND_LINE)
        else:
            report = file_services.import_directory(directory, principal=COMMAND_LINE)
        problems = [f"{problem.place}: {problem.reason}" for problem in report.problems]
        told = {"added": report.added, "revoked": report.revoked, "problems": problems}
        self.say(options, told, [f"imported {report.added} token(s), revoked {report.revoked}"])
        if problems:
            self.fail("error: " + "\nerror: ".join(problems))

    def do_export(self, options: dict[str, Any]) -> None:
        directory = options["directory"]
        report = file_services.export_directory(directory)
        told = {"exported": report.written, "left_out": report.left_out, "directory": str(directory)}
        self.say(options, told, [f"exported {report.written} token(s)"])
        if report.left_out:
            self.fail(
                "\n".join(f"error: {name}: its id can't stand in tokens.lino" for name in report.left_out)
            )


def _usual_address() -> str:
    """Return the address that the options name, for links where nobody has set PUBLIC_URL."""
    host = settings.GATEWAY.ROUTER_HOST
    if ipaddress.ip_address(host.strip("[]")).is_unspecified:
        host = "127.0.0.1"
    return f"http://{f'[{host}]' if ':' in host and not host.startswith('[') else host}:{settings.GATEWAY.ROUTER_PORT}"


def _table(tokens: list[Token], now: float | None) -> list[str]:
    """Return the reference's table; for people (`now` given) with distances as times."""
    rows = [("id", "issued_at", "expires_at", "revoked", "label")]
    rows += [
        (
            token.id,
            _time(token.issued_at, now),
            _time(token.expires_at, now),
            str(token.is_revoked).lower(),
            _one_line(token.label),
        )
        for token in tokens
    ]
    return [columns(row, WIDTHS) for row in rows]


def _time(seconds: int, now: float | None) -> str:
    return str(seconds) if now is None else distance(seconds - now)


def _times(token: Token, now: float) -> str:
    """Say for people what the record has in Unix seconds: `issued 3 h ago, expires in 21 h`."""
    left = token.expires_at - now
    return (
        f"issued {distance(token.issued_at - now)}, {'expires' if left > 0 else 'expired'} {distance(left)}"
    )


def _one_line(label: str) -> str:
    """Escape a label, which must neither break the table nor send codes to the terminal."""
    return "".join(
        letter if letter.isprintable() else letter.encode("unicode_escape").decode() for letter in label
    )
