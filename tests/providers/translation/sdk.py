"""The OpenAI SDK over a pair, without sockets: its transport is the translator before a scripted vendor."""

from __future__ import annotations

import json
from typing import Any

import httpx2
import openai

from providers.dialects.types import Target, WireAnswer
from tests.fakes import vendor
from tests.fakes.sealer import CountedIds, PlainSealer
from tests.providers.translation.exchange import EVENTS, JSON, MODEL, call
from tests.providers.translation.making import translator


class Pair(httpx2.BaseTransport):
    """One pair as a transport.

    `seen` holds the bodies that the vendor got.
    """

    def __init__(self, surface: str, model: str = MODEL) -> None:
        self.seen: list[dict[str, Any]] = []
        self._surface = surface
        self._model = model
        self._ids = CountedIds()

    def handle_request(self, request: httpx2.Request) -> httpx2.Response:
        made = translator(self._surface, "anthropic", self._ids, 1700000000, PlainSealer())
        body = json.loads(made.request(call(request.read()), Target(self._model)).body)
        self.seen.append(body)
        blocks = vendor.reply(body)
        if not body.get("stream"):
            message = json.dumps(vendor.message(body["model"], *blocks)).encode()
            return _response(made.response(WireAnswer(200, JSON, message)))
        head = made.response(WireAnswer(200, EVENTS))
        wire = b"".join(vendor.events(body["model"], *blocks))
        out = b"".join(made.feed(wire[at : at + 50]) for at in range(0, len(wire), 50)) + made.finish()
        return _response(WireAnswer(head.status, head.headers, out))

    def client(self) -> openai.OpenAI:
        http = httpx2.Client(transport=self)
        return openai.OpenAI(api_key="k", base_url="http://gateway.test/v1", http_client=http, max_retries=0)


def _response(answer: WireAnswer) -> httpx2.Response:
    return httpx2.Response(answer.status, headers=list(answer.headers), content=answer.body)
