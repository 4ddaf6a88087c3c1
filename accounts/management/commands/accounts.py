"""Manage accounts: `router accounts …`. Standard output holds only the result, `--json` everywhere."""

from __future__ import annotations

import json
import sys
from typing import Any

from django.conf import settings

from accounts import services
from accounts.errors import AccountError, UnknownAccount
from accounts.management import arguments
from accounts.models import Source
from accounts.pool.overview import account_view
from accounts.pool.pool import Pool, options_from_settings
from accounts.probing import probe
from gateway.kernel.commands import (
    FAILED,
    NOT_FOUND,
    ActionCommand,
    Failure,
    columns,
    read_secret,
)
from gateway.kernel.moments import distance
from gateway.kernel.principal import COMMAND_LINE

WIDTHS = (16, 8, 6)  # the reference's columns; the last one is free
TERMS = (
    "provider",
    "location",
    "region",
    "access_key_id",
    "role_arn",
    "tenant_id",
    "client_id",
    "expires_at",
    "proxy",
    "priority",
    "weight",
    "request_caps",
    "max_parallel",
    "pause_at_percent",
)


class Command(ActionCommand):
    help = "List, add, show, pause, resume, clear, remove and test accounts; set how they are chosen."
    json_form = {}
    failures = (
        Failure(UnknownAccount, lambda problem: f"not found: {problem.name}", NOT_FOUND),
        Failure(AccountError, lambda problem: f"error: {problem}"),
    )

    declare = staticmethod(arguments.accounts)

    def prepare(self) -> None:
        services.sync_once(principal=COMMAND_LINE)

    def do_list(self, options: dict[str, Any]) -> None:
        views = _views()
        rows = [("name", "healthy", "used", "home")]
        for view in views:
            place = view["home"] or f"({view['source']})"
            cooldown = view["cooldown_remaining_seconds"]
            if self.is_read_by_people and cooldown:
                place += f" (back {distance(cooldown)})"
            rows.append((view["name"], str(view["healthy"]).lower(), str(view["used_total"]), place))
        self.say(options, {"data": views}, [columns(row, WIDTHS) for row in rows])

    def do_add(self, options: dict[str, Any]) -> None:
        values = {name: options[name] for name in ("name", "source", *TERMS) if options[name] is not None}
        if options["source"] in (Source.API_KEY, Source.OAUTH):
            values["secret"] = read_secret(
                "API key" if options["source"] == Source.API_KEY else "access token"
            ).strip()
        if options["source"] == Source.OAUTH:
            values["refresh_token"] = read_secret("refresh token, empty for none").strip()
        values.update(_cloud_secrets(options))
        services.add(values, principal=COMMAND_LINE)
        self._show(options, options["name"])

    def do_show(self, options: dict[str, Any]) -> None:
        self._show(options, services.get(options["name"]).name)

    def do_pause(self, options: dict[str, Any]) -> None:
        services.pause(options["name"], principal=COMMAND_LINE)
        self.say(options, {"paused": options["name"]}, [f"paused {options['name']}"])

    def do_resume(self, options: dict[str, Any]) -> None:
        services.resume(options["name"], principal=COMMAND_LINE)
        self.say(options, {"resumed": options["name"]}, [f"resumed {options['name']}"])

    def do_clear(self, options: dict[str, Any]) -> None:
        services.clear(options["name"], principal=COMMAND_LINE)
        self.say(options, {"cleared": options["name"]}, [f"cleared {options['name']}"])

    def do_remove(self, options: dict[str, Any]) -> None:
        services.remove(options["name"], principal=COMMAND_LINE)
        self.say(options, {"removed": options["name"]}, [f"removed {options['name']}"])

    def do_test(self, options: dict[str, Any]) -> None:
        result = probe(options["name"], principal=COMMAND_LINE)
        document = {
            "ok": result.is_ok,
            "status": result.status,
            "message": result.message,
            "seconds": result.seconds,
        }
        self.say(options, document, [f"{options['name']}: {result.told}"])
        if not result.is_ok:
            sys.exit(FAILED)

    def do_strategy(self, options: dict[str, Any]) -> None:
        if options["strategy"] is not None:
            services.set_strategy(options["strategy"], principal=COMMAND_LINE)
        strategy = str(services.strategy() or settings.GATEWAY.ACCOUNT_ROUTING_STRATEGY)
        self.say(options, {"strategy": strategy}, [strategy])

    def _show(self, options: dict[str, Any], name: str) -> None:
        view = next(view for view in _views() if view["name"] == name)
        self.say(options, view, [json.dumps(view, indent=2)])


def _cloud_secrets(options: dict[str, Any]) -> dict[str, str]:
    """Read the secrets of a cloud's account, where it has any."""
    source = options["source"]
    if source == Source.AWS and options["access_key_id"]:
        secret = read_secret("secret access key").strip()
        return {"secret": secret, "session_token": read_secret("session token, empty for none").strip()}
    if source == Source.AZURE:
        return {"secret": read_secret("client secret").strip()}
    if source == Source.GOOGLE and not options["location"]:
        words = "JSON of the service account on one line, empty for default credentials"
        return {"secret": read_secret(words).strip()}
    return {}


def _views() -> list[dict[str, Any]]:
    pool = Pool(options_from_settings())
    pool.load()
    return [account_view(state, pool.now(), include_paths=True) for state in pool.states()]
