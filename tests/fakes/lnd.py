"""A stand-in for an LND node's HTTP API: invoices, and a wallet that pays them (`/pay?invoice=…`)."""

from __future__ import annotations

import base64
import hashlib
import json
import secrets
import time
from typing import Any
from urllib.parse import parse_qs

from tests.fakes.server import Answer, FakeServer, Seen

MACAROON = "0201036c6e64CANARY".replace("CANARY", "ca4a57")


def said(body: object, status: int = 200) -> Answer:
    return Answer(status, [("content-type", "application/json")], [json.dumps(body).encode()])


class LndNode(FakeServer):
    def __init__(self) -> None:
        super().__init__(self.answer)
        self.invoices: list[dict[str, Any]] = []
        self.is_away = False

    def answer(self, seen: Seen) -> Answer:
        path = seen.path.decode()
        if path == "/pay":
            return self._pay(parse_qs(seen.query.decode())["invoice"][0])
        if self.is_away:
            return said({"code": 14, "message": "the node is starting"}, 503)
        if seen.get("grpc-metadata-macaroon") != MACAROON.encode():
            return said({"code": 2, "message": "verification failed: signature mismatch"}, 500)
        if seen.method == "POST" and path == "/v1/invoices":
            return self._make(json.loads(seen.body))
        if seen.method == "GET" and path.startswith("/v1/invoice/"):
            found = [one for one in self.invoices if one["hash"].hex() == path.rsplit("/", 1)[1]]
            if not found:
                return said({"code": 5, "message": "unable to locate invoice"}, 404)
            state = "SETTLED" if found[0]["is_paid"] else "OPEN"
            return said({"state": state, "value": str(found[0]["value"])})
        return said({"code": 5, "message": "Not Found"}, 404)

    def _make(self, asked: dict[str, Any]) -> Answer:
        if set(asked) - {"value", "expiry", "memo"} or int(asked["value"]) <= 0:
            return said({"code": 3, "message": "unknown field, or no value"}, 400)
        preimage = secrets.token_bytes(32)
        request = f"lnbcrt{int(asked['value']) * 10}n1{secrets.token_hex(20)}"
        self.invoices.append(
            {
                "request": request,
                "preimage": preimage,
                "hash": hashlib.sha256(preimage).digest(),
                "value": int(asked["value"]),
                "expires_at": time.time() + int(asked["expiry"]),
                "is_paid": False,
            }
        )
        hashed = base64.b64encode(self.invoices[-1]["hash"]).decode()
        return said({"r_hash": hashed, "payment_request": request, "add_index": str(len(self.invoices))})

    def _pay(self, request: str) -> Answer:
        invoice = next(one for one in self.invoices if one["request"] == request)
        assert time.time() < invoice["expires_at"]
        invoice["is_paid"] = True
        return said({"preimage": invoice["preimage"].hex()})
