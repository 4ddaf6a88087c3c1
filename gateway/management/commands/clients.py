"""Set up the programs that people use with the gateway, and prove that they work: `router clients …`."""

from __future__ import annotations

import logging
import os
import socket
import sys
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from django.conf import settings

from gateway.clients import proving, writing
from gateway.clients.errors import ClientError
from gateway.clients.programs import CLIENTS, USUAL_MODEL, Client, Wanted
from gateway.config import reading
from gateway.config.options import ConfigurationError
from gateway.console import served
from gateway.kernel.commands import FAILED, ActionCommand, Failure, read_secret
from gateway.kernel.findings import Finding
from gateway.kernel.principal import COMMAND_LINE
from gateway.management import arguments
from tokens import services as tokens
from tokens.errors import TokenError

PLACEHOLDER = "PUT-A-TOKEN-HERE"


class Command(ActionCommand):
    help = "Set up Claude Code, Codex and others, undo it, and prove that it works."
    failures = (
        Failure(ClientError, lambda problem: f"error: {problem}"),
        Failure(ConfigurationError, lambda problem: f"error: {problem}; or give a token: --token-stdin"),
        Failure(TokenError, lambda problem: f"error: {problem.message}"),
        Failure(OSError, lambda problem: f"error: {problem.filename}: {problem.strerror}"),
    )

    declare = staticmethod(arguments.clients)

    def do_setup(self, options: dict[str, Any]) -> None:
        client = CLIENTS[options["client"]]
        if options["undo"]:
            undone = writing.undo(client, os.environ)
            told = {"client": client.name, "undone": str(undone.file)}
            self.say(
                options, told, [f"{undone.file} is as it was; the token is still good: router tokens list"]
            )
        elif options["write"]:
            self._write(client, options)
        else:
            wanted = self._wanted(client, options, self._given_token(options) or PLACEHOLDER)
            text, file = writing.text_for(client, wanted), client.file(os.environ)
            self.say(options, {"client": client.name, "file": str(file), "text": text}, text.splitlines())

    def _write(self, client: Client, options: dict[str, Any]) -> None:
        writing.configured(client, os.environ)  # what can't be read is told before a token is made
        token = self._given_token(options) or self._issue(client, options)
        written = writing.write(client, self._wanted(client, options, token), os.environ)
        lines = [f"wrote {written.file}"]
        if written.backup is not None:
            lines.append(f"what was there: {written.backup}")
        lines.append(f"prove it: router clients doctor {client.name}")
        backup = None if written.backup is None else str(written.backup)
        told = {"client": client.name, "file": str(written.file), "backup": backup}
        self.say(options, told, lines)

    def do_doctor(self, options: dict[str, Any]) -> None:
        logging.getLogger("httpx").setLevel(logging.WARNING)  # the report says it already
        chosen = [CLIENTS[options["client"]]] if options["client"] else _set_up()
        if not chosen:
            self.fail(f"no client is set up here: router clients setup {'|'.join(CLIENTS)}")
        found: list[Finding] = []
        for client in chosen:
            found += proving.report(client, os.environ, runs_program=options["run"])
        findings = [
            {"label": finding.label, "text": finding.text, "is_problem": finding.is_problem}
            for finding in found
        ]
        has_problem = any(finding.is_problem for finding in found)
        self.say(options, {"ok": not has_problem, "findings": findings}, [*map(str, found)])
        if has_problem:
            sys.exit(FAILED)

    def _wanted(self, client: Client, options: dict[str, Any], token: str) -> Wanted:
        model = options["model"] or (USUAL_MODEL if client.needs_model else "")
        return Wanted(_checked_url(options["url"] or _own_url()), token, model)

    def _given_token(self, options: dict[str, Any]) -> str:
        if not options["token_stdin"]:
            return ""
        token = read_secret("token").strip()
        if not token.isascii() or not token.isprintable() or not token or " " in token:
            raise ClientError("--token-stdin: a token is one word")
        return token

    def _issue(self, client: Client, options: dict[str, Any]) -> str:
        reading.require_secret(reading.current())
        label = f"{client.name} on {socket.gethostname()}"
        return tokens.issue(principal=COMMAND_LINE, label=label, ttl_hours=options["ttl_hours"]).secret


def _set_up() -> list[Client]:
    found = []
    for client in CLIENTS.values():
        try:
            is_set_up = writing.configured(client, os.environ) is not None
        except (ClientError, OSError):
            is_set_up = False  # asked for by name, it says why
        found += [client] * is_set_up
    return found


def _own_url() -> str:
    options = settings.GATEWAY
    running = served.address(Path(options.DATA_DIR))
    if options.PUBLIC_URL or running is None:
        return str(options.PUBLIC_URL or f"http://127.0.0.1:{options.ROUTER_PORT}")
    parts = urlsplit(running)
    host = {"0.0.0.0": "127.0.0.1", "::": "[::1]"}.get(parts.hostname or "")  # noqa: S104
    return f"{parts.scheme}://{host}:{parts.port}" if host else running


def _checked_url(url: str) -> str:
    try:
        parts = urlsplit(url)
        is_right = parts.scheme in ("http", "https") and bool(parts.hostname) and parts.port != 0
    except ValueError:
        is_right = False
    if not is_right or parts.query or parts.fragment or parts.path.rstrip("/") not in ("", "/v1"):
        raise ClientError(f"--url: {url} is not the address of a gateway, such as http://127.0.0.1:8080")
    return url.rstrip("/").removesuffix("/v1")
