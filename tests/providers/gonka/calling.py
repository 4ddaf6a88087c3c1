"""Make one call as the relay does: built by the driver, sent by the kind's transport, read whole."""

from __future__ import annotations

import json
import time
from dataclasses import dataclass
from typing import Any

import httpx

from providers.client import head_of
from providers.dialects.types import WireRequest
from providers.drivers.gonka import GonkaDriver
from providers.gonka.transport import GonkaTransport
from providers.sending import read_whole
from providers.upstream import Credential, CredentialKind, Upstream
from tests.fakes.gonka_node import KEY, MODEL, GonkaNode

ASK = {"model": MODEL, "messages": [{"role": "user", "content": "hi"}]}


@dataclass
class Told:
    status: int
    headers: dict[str, str]
    body: bytes

    @property
    def text(self) -> str:
        return str(json.loads(self.body)["choices"][0]["message"]["content"])

    @property
    def error(self) -> dict[str, Any]:
        found: dict[str, Any] = json.loads(self.body)["error"]
        return found


def upstream(source: str, model: str | None = MODEL, key: str = KEY, **options: str) -> Upstream:
    credential = Credential(CredentialKind.API_KEY, key)
    return Upstream("gonka", "gonka", source, "", credential, model, options={"mode": "signed", **options})


def endpoints(*nodes: GonkaNode) -> str:
    return ",".join(f"{node.url}/v1;{node.address}" for node in nodes)


async def call(transport: GonkaTransport, to: Upstream, body: Any = None, method: str = "POST") -> Told:
    path = b"/v1/chat/completions" if method == "POST" else b"/v1/models"
    data = json.dumps(ASK if body is None else body).encode() if method == "POST" else b""
    built = GonkaDriver().build(to, WireRequest(method, path, b"", (), data), time.time())
    response: httpx.Response = await transport.handle_async_request(built)
    try:
        whole = await read_whole(response, 1 << 20)
    finally:
        await response.aclose()
    head = head_of(response)
    return Told(head.status, {name.decode(): value.decode() for name, value in head.headers}, whole)
