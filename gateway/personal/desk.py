"""Answer the paths that are about a bearer alone: no provider, no account, no limit takes part.

Such calls count in `/metrics`; they leave no row, for clients make them unasked and often.
"""

from __future__ import annotations

import time
from collections.abc import Awaitable, Callable, Mapping, Sequence

from uuid_utils import uuid7

from gateway.exchange.downstream import BODILESS, ClientLeft, Receive, Request, Send
from gateway.exchange.exchange import CLIENT_LEFT, Exchange, ExchangeSink
from gateway.exchange.surfaces import Match
from gateway.relay import errors
from gateway.telemetry import request_ids
from providers.dialects.types import WireAnswer
from tokens.records import TokenRecord
from tokens.registry import Registry

Answer = Callable[[TokenRecord, bytes, Request, Receive], Awaitable[WireAnswer]]
"""Answers one path for the token that a call came with; `bytes` is the path."""


class Desk:
    """For one event loop. `answers` by the surface's name."""

    def __init__(
        self,
        callers: Registry,
        answers: Mapping[str, Answer],
        sinks: Sequence[ExchangeSink] = (),
        stranger_sinks: Sequence[ExchangeSink] = (),
    ) -> None:
        self._callers = callers
        self._answers = answers
        self._sinks = sinks
        self._stranger_sinks = stranger_sinks

    async def serve(self, match: Match, request: Request, receive: Receive, send: Send) -> None:
        """Answer one call."""
        began = time.monotonic()
        surface, own_id = match.surface, str(uuid7())
        exchange = Exchange(
            id=own_id, started_at=time.time(), surface=surface.name, method=request.method,
            path=request.raw_path.decode("latin-1"), peer=request.peer,
        )  # fmt: skip
        request_ids.current.set(own_id)
        try:
            token = await self._callers.whose(request.headers)
            exchange.token_id, exchange.token_label = token.id, token.label
            answer = await self._answers[surface.name](token, match.path, request, receive)
        except ClientLeft:
            exchange.status = CLIENT_LEFT
        except Exception as exc:  # noqa: BLE001 - whatever went wrong becomes an answer
            status, failure = errors.describe(exc)
            exchange.note(failure)
            exchange.is_refusal = True
            answer = errors.render(status, failure, surface.dialect, own_id)
        if exchange.status != CLIENT_LEFT:
            exchange.status = answer.status
            await _send(answer, own_id, send)
        exchange.total_seconds = time.monotonic() - began
        for sink in self._sinks if exchange.token_id else self._stranger_sinks:
            sink.concluded(exchange)


async def _send(answer: WireAnswer, own_id: str, send: Send) -> None:
    headers = [*answer.headers, (request_ids.HEADER, own_id.encode())]
    if answer.status not in BODILESS:
        headers.append((b"content-length", str(len(answer.body)).encode()))
    await send({"type": "http.response.start", "status": answer.status, "headers": headers})
    await send({"type": "http.response.body", "body": answer.body, "more_body": False})
