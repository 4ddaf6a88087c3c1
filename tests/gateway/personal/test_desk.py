"""Paths that are about a bearer alone: who may ask, what is counted, what an error looks like."""

from __future__ import annotations

import json

from gateway.exchange.downstream import ClientLeft, Message, Receive, Request
from gateway.exchange.exchange import Exchange
from gateway.exchange.surfaces import SURFACES, Match
from gateway.personal.desk import Desk
from providers.dialects.types import Failure, FailureKind, Headers, Refused, WireAnswer
from tests.gateway.usage.contexts import recording, token
from tokens.errors import InvalidToken
from tokens.records import Limits, TokenRecord
from tokens.registry import Registry

ROW = next(row for row in SURFACES if row.name == "telemetry")


class Knowing(Registry):
    """Knows one bearer."""

    async def whose(self, headers: Headers) -> TokenRecord:
        if headers != ((b"authorization", b"Bearer good"),):
            raise InvalidToken("InvalidSignature")
        return token(Limits("t"))


class Kept:
    def __init__(self) -> None:
        self.exchanges: list[Exchange] = []

    def concluded(self, exchange: Exchange) -> None:
        self.exchanges.append(exchange)


async def nothing() -> Message:
    return {"type": "http.disconnect"}


async def serve(
    outcome: WireAnswer | Exception, bearer: bytes = b"Bearer good"
) -> tuple[list[Message], Kept, Kept]:
    async def say(holder: TokenRecord, path: bytes, request: Request, receive: Receive) -> WireAnswer:
        assert path == b"/v1/logs"
        if isinstance(outcome, Exception):
            raise outcome
        return outcome

    sinks, strangers, sent = Kept(), Kept(), []
    desk = Desk(Knowing(b"s" * 32, False), {ROW.name: say}, (sinks,), (strangers,))
    request = Request("POST", b"/v1/logs", b"", ((b"authorization", bearer),), "10.0.0.1")
    await desk.serve(Match(ROW, b"/v1/logs"), request, nothing, recording(sent))
    return sent, sinks, strangers


async def test_an_answer_leaves_with_its_length_and_an_id() -> None:
    sent, sinks, strangers = await serve(WireAnswer(200, ((b"etag", b'"x"'),), b"{}"))
    assert sent[0]["status"] == 200 and sent[1]["body"] == b"{}"
    headers = dict(sent[0]["headers"])
    assert headers[b"content-length"] == b"2" and headers[b"etag"] == b'"x"'
    (exchange,) = sinks.exchanges
    assert headers[b"x-gateway-request-id"].decode() == exchange.id
    assert (exchange.status, exchange.surface, exchange.token_id) == (200, "telemetry", "t")
    assert not strangers.exchanges


async def test_an_answer_without_a_body_has_no_length() -> None:
    sent, *_ = await serve(WireAnswer(304, ()))
    assert b"content-length" not in dict(sent[0]["headers"])


async def test_a_stranger_is_told_so_and_counted_as_one() -> None:
    sent, sinks, strangers = await serve(WireAnswer(200, ()), b"Bearer other")
    assert sent[0]["status"] == 401
    assert json.loads(sent[1]["body"])["error"]["type"] == "authentication_error"
    assert not sinks.exchanges and strangers.exchanges[0].failure_kind is FailureKind.AUTHENTICATION


async def test_what_goes_wrong_is_told_in_the_surface_s_dialect() -> None:
    sent, sinks, _ = await serve(Refused(Failure(FailureKind.TOO_LARGE, "too large")))
    assert sent[0]["status"] == 413 and json.loads(sent[1]["body"])["error"]["message"] == "too large"
    assert sinks.exchanges[0].is_refusal


async def test_nobody_is_told_anything_who_has_left() -> None:
    sent, sinks, _ = await serve(ClientLeft())
    assert sent == [] and sinks.exchanges[0].status == 499
