"""Handshakes: which are opened, and how the others are refused."""

from __future__ import annotations

import json
from types import SimpleNamespace
from typing import Any

import pytest

from gateway.access.sockets import Pages
from gateway.exchange.surfaces import SURFACES, Table
from gateway.exchange.upgrades import DENIAL
from gateway.runtime.composition import NotHere
from gateway.servers.drain import Drain
from gateway.sockets.entry_point import SocketEntryPoint
from gateway.telemetry.metrics import Metrics
from tests.gateway.relay.building import TOKEN, Bench, bench
from tests.gateway.relay.scripted import Script

METRICS = Metrics()
BEARER = (b"authorization", b"Bearer " + TOKEN.encode())


class Runtime(SimpleNamespace):
    """As much of a runtime as an entry point asks for."""

    async def relay(self) -> Any:
        if self.bench is None:
            raise NotHere("starting")
        return self.bench.relay


def entry_point(made: Bench | None, *, serves: bool = True, pages: Any = None) -> SocketEntryPoint:
    of = Runtime(
        bench=made,
        table=Table(SURFACES),
        serves_sockets=serves,
        drain=Drain(is_ready=True),
        composed=SimpleNamespace(metrics=METRICS, options=SimpleNamespace(MAX_BODY_BYTES=1 << 20)),
    )
    return SocketEntryPoint(of, pages or Pages((), lambda _: False))  # type: ignore[arg-type]


async def shake(
    of: SocketEntryPoint, path: str, *headers: Any, first: str = "connect"
) -> list[dict[str, Any]]:
    """Return what a handshake gets; the client leaves as soon as it is open."""
    sent: list[dict[str, Any]] = []
    waiting = [first, "disconnect"]

    async def receive() -> dict[str, Any]:
        return {"type": f"websocket.{waiting.pop(0)}", "code": 1000}

    async def send(message: Any) -> None:
        sent.append(dict(message))
        if message["type"] == "websocket.accept":
            assert METRICS.counts.websockets == before + 1

    before = METRICS.counts.websockets
    scope = {"type": "websocket", "path": path, "raw_path": path.encode(), "headers": list(headers)}
    await of({**scope, "extensions": {DENIAL: {}}}, receive, send)
    assert METRICS.counts.websockets == before
    return sent


def refusal(sent: list[dict[str, Any]]) -> tuple[int, Any, dict[bytes, bytes]]:
    start, body = sent
    return start["status"], json.loads(body["body"]), dict(start["headers"])


async def test_a_valid_token_opens_it() -> None:
    assert [one["type"] for one in await shake(entry_point(bench(Script())), "/v1/responses", BEARER)] == [
        "websocket.accept"
    ]


async def test_no_valid_token_is_refused_like_a_call() -> None:
    made = bench(Script())
    status, body, _ = refusal(await shake(entry_point(made), "/v1/responses"))
    assert (status, body["error"]["code"]) == (401, "invalid_api_key")
    assert [one.status for one in made.strangers.seen] == [401]


@pytest.mark.parametrize(
    ("path", "serves", "status", "is_openai"),
    [
        ("/v1/responses", False, 426, True),
        ("/v1/chat/completions", True, 426, True),
        ("/v1/models", True, 426, False),
        ("/v1/messages?a=b", True, 426, False),
        ("/v1/responses/x/y", True, 404, True),
        ("/nowhere", True, 404, False),
        ("/%76%31/x", True, 404, False),
    ],
)
async def test_other_paths_are_refused_in_their_form(
    path: str, serves: bool, status: int, is_openai: bool
) -> None:
    seen, body, headers = refusal(await shake(entry_point(bench(Script()), serves=serves), path, BEARER))
    assert seen == status
    assert headers.get(b"upgrade") == (b"HTTP/1.1" if status == 426 else None)
    assert ("param" in body["error"]) is is_openai


async def test_a_handshake_that_is_given_up_gets_nothing() -> None:
    for path in ("/v1/responses", "/nowhere"):
        assert await shake(entry_point(bench(Script())), path, BEARER, first="disconnect") == []


async def test_a_gateway_that_starts_says_so() -> None:
    status, body, _ = refusal(await shake(entry_point(None), "/v1/responses", BEARER))
    assert (status, body["error"]["message"]) == (503, "starting")


async def test_pages_have_their_own_gates() -> None:
    async def page(scope: Any, receive: Any, send: Any) -> None:
        await receive()
        await send({"type": "websocket.accept"})

    page.has = lambda path: path == "/ws/page"  # type: ignore[attr-defined]
    of = entry_point(bench(Script()), pages=page)
    assert [one["type"] for one in await shake(of, "/ws/page")] == ["websocket.accept"]
