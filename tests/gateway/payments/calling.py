"""A caller of a relay whose messages are paid for: what it sends, and what it got."""

from __future__ import annotations

import json
import re
from dataclasses import dataclass
from typing import Any

from gateway.payments import encoding
from gateway.payments.gate import Gate
from tests.gateway.payments.building import Counted
from tests.gateway.relay.building import Bench
from tests.gateway.relay.scripted import ASK

PARAMETER = re.compile(r'(\w+)="((?:[^"\\]|\\.)*)"')


@dataclass
class Caller:
    bench: Bench
    gate: Gate
    count: Counted

    async def status(self, proof: str | None = None, body: Any = None, **headers: str) -> int:
        if proof is not None:
            headers["payment_authorization"] = proof
        bench = self.bench
        await bench.call(body, **headers)
        return bench.status

    async def credential(self, payload: object = None, body: Any = None, **headers: str) -> str:
        """Return a credential for a fresh challenge."""
        assert await self.status(None, body, **headers) == 402
        challenge = dict(PARAMETER.findall(self.challenges[0]))
        challenge.pop("protocol")
        value = {"challenge": challenge, "payload": payload or {"token": "paid"}}
        return "Payment " + encoding.encode(json.dumps(value).encode())

    @property
    def head(self) -> list[tuple[bytes, bytes]]:
        return next(one["headers"] for one in self.bench.sent if one["type"] == "http.response.start")

    @property
    def challenges(self) -> list[str]:
        return [value.decode() for name, value in self.head if name == b"www-authenticate"]

    def header(self, name: bytes) -> str | None:
        values = [value.decode() for key, value in self.head if key == name]
        assert len(values) <= 1, (name, values)
        return values[0] if values else None


STREAMED_ASK = {**ASK, "stream": True}
