"""Programs that stand in for the command line, and calls of every surface."""

from __future__ import annotations

import contextlib
import json
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

from tests.fakes.vendor import Vendor
from tests.harness import GatewayProcess
from tests.rawhttp import Response

Start = Callable[[str, dict[str, str]], GatewayProcess]

MODEL = "claude-sonnet-5-5"
VERTEX = f"/v1/projects/p/locations/l/publishers/anthropic/models/{MODEL}"
SURFACES = ("messages", "chat", "responses", "bedrock", "vertex")
SAYS = """printf '%s\\n' '{"type":"result","subtype":"success","is_error":false,"result":"from the command line"}'"""
LOGGED_OUT = (
    """printf '%s\\n' '{"type":"result","subtype":"success","is_error":true,"api_error_status":null,"""
    """"result":"Not logged in · Please run /login /a/path req_011"}'; exit 1"""
)


def call(surface: str, text: str, *, stream: bool = False, **more: Any) -> tuple[str, bytes]:
    """Return path and body of a call."""
    turns = [{"role": "user", "content": text}]
    body: dict[str, Any] = {"model": MODEL, "max_tokens": 99, "messages": turns, "stream": stream}
    if surface == "messages":
        path = "/v1/messages"
    elif surface == "chat":
        path = "/v1/chat/completions"
    elif surface == "responses":
        path, body = "/v1/responses", {"model": MODEL, "input": text, "stream": stream}
    else:
        version = "bedrock-2023-05-31" if surface == "bedrock" else "vertex-2023-10-16"
        body = {"anthropic_version": version, "max_tokens": 99, "messages": turns}
        if surface == "bedrock":
            path = f"/model/{MODEL}/invoke" + ("-with-response-stream" if stream else "")
        else:
            path = f"{VERTEX}:{'streamRawPredict' if stream else 'rawPredict'}"
    return path, json.dumps({**body, **more}).encode()


def ask(gateway: GatewayProcess, surface: str, text: str = "hello", **more: Any) -> Response:
    path, body = call(surface, text, **more)
    return gateway.ask("POST", path, gateway.call_headers(), body)


def script(path: Path, lines: str) -> str:
    """Write a program; return its path. Written beside and moved, so that it is never half there."""
    fresh = path.with_suffix(".new")
    fresh.write_text(f"#!/bin/sh\n{lines}\n")
    fresh.chmod(0o755)
    fresh.rename(path)
    return str(path)


def until(is_so: Callable[[], bool], seconds: float = 30.0) -> None:
    deadline = time.monotonic() + seconds
    while not is_so():
        assert time.monotonic() < deadline, "it is not so"
        time.sleep(0.02)


def is_alive(pid: int) -> bool:
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except OSError:
        return False


@contextlib.contextmanager
def starting(template: Path, directory: Path, vendor: Vendor) -> Iterator[Start]:
    """Give what starts a gateway of the test's own, with a token that it may use."""
    with contextlib.ExitStack() as stack:

        def start(server: str, settings: dict[str, str]) -> GatewayProcess:
            gateway = GatewayProcess(template, directory / "gateway", vendor.url, server, settings)
            stack.enter_context(gateway)
            gateway.token = gateway.issue()
            return gateway

        yield start
