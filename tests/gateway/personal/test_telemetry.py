"""Telemetry is taken whether it is wanted or not."""

from __future__ import annotations

import pytest

from gateway.exchange.downstream import Message, Receive, Request
from gateway.personal.telemetry import Telemetry
from gateway.telemetry.forwarding import Body, Collector, Forwarder
from providers.dialects.types import FailureKind, Headers, Refused
from tests.gateway.relay.scripted import Script
from tests.gateway.usage.contexts import token
from tokens.records import Limits

TOKEN = token(Limits("t"))


class Kept(Forwarder):
    def __init__(self) -> None:
        super().__init__(Collector("http://collector.test"), Script(), lambda outcome: None)
        self.bodies: list[Body] = []

    def put(self, body: Body) -> None:
        self.bodies.append(body)


def asked(headers: Headers, data: bytes) -> tuple[Request, Receive]:
    async def receive() -> Message:
        return {"type": "http.request", "body": data, "more_body": False}

    return Request("POST", b"/v1/logs", b"", headers, ""), receive


@pytest.mark.parametrize(
    ("kind", "told", "said"),
    [
        (b"application/json", b"application/json", b"{}"),
        (b"application/x-protobuf; a=b", b"application/x-protobuf", b""),
        (b"", b"application/json", b"{}"),
    ],
)
async def test_it_is_thanked_for_in_its_own_encoding(kind: bytes, told: bytes, said: bytes) -> None:
    request, receive = asked(((b"content-type", kind),), b"x")
    answer = await Telemetry(None, 10).answer(TOKEN, b"/v1/logs", request, receive)
    assert (answer.status, answer.headers, answer.body) == (200, ((b"content-type", told),), said)


async def test_a_forwarder_gets_the_bytes_without_our_bearer() -> None:
    headers = ((b"authorization", b"Bearer la_sk_CANARY"), (b"content-encoding", b"gzip"), (b"host", b"gw"))
    kept = Kept()
    request, receive = asked(headers, b"\x1f\x8b\x00")
    await Telemetry(kept, 10).answer(TOKEN, b"/v1/logs", request, receive)
    assert kept.bodies == [Body(b"/v1/logs", ((b"content-encoding", b"gzip"),), b"\x1f\x8b\x00")]


async def test_a_body_has_a_bound() -> None:
    request, receive = asked((), b"x" * 11)
    with pytest.raises(Refused) as refused:
        await Telemetry(Kept(), 10).answer(TOKEN, b"/v1/logs", request, receive)
    assert refused.value.failure.kind is FailureKind.TOO_LARGE
