"""Send a test message: one real call through the relay, as the token's own client would make it."""

from __future__ import annotations

import asyncio
import time
from dataclasses import asdict, dataclass, field

import orjson
from asgiref.sync import sync_to_async
from django.core.handlers.asgi import ASGIRequest
from django.http import HttpRequest, HttpResponseBase
from django.shortcuts import redirect

from gateway.access.guards import address_of
from gateway.entrypoints import enter
from gateway.exchange.downstream import Message, Request
from gateway.kernel.redaction import redact
from gateway.me import holders
from gateway.me.base import problem
from gateway.personal import account
from gateway.runtime.composition import current
from gateway.telemetry import request_ids
from providers.dialects.types import Headers
from tokens.models import Token
from tokens.own import proving

PATH = "/me/"
RESULT = "me.test"
"""Of a session, where the outcome of the last test stands; nothing of the answer's text."""
MAX_TOKENS = 16
LONGEST = 300
TEXT = "Say hello."
PATHS = {
    "messages": b"/v1/messages",
    "chat_completions": b"/v1/chat/completions",
    "responses": b"/v1/responses",
}


@dataclass(frozen=True, slots=True)
class Planned:
    """One call, ready to be made."""

    secret: str = field(repr=False)
    surface: str
    body: bytes
    peer: str
    back: str  # the page that shows the outcome


@dataclass(frozen=True, slots=True)
class Outcome:
    """What became of a test: `words` are those of an error, "" when all went well."""

    model: str
    status: int
    seconds: float
    words: str
    request_id: str


async def test(request: HttpRequest) -> HttpResponseBase:
    """Answer `POST /me/test`."""
    if request.method != "POST" or not isinstance(request, ASGIRequest):
        return redirect(PATH)
    model = request.POST.get("model", "").strip()[:LONGEST]
    planned = await sync_to_async(_planned)(request, model)
    if isinstance(planned, HttpResponseBase):
        return planned
    began = time.monotonic()
    answer = await _call(planned)
    outcome = Outcome(
        model,
        answer.status,
        time.monotonic() - began,
        "" if answer.status < 400 else answer.words(),
        answer.own_id,
    )
    await sync_to_async(_keep)(request, outcome)
    return redirect(planned.back)


def _planned(request: HttpRequest, model: str) -> Planned | HttpResponseBase:
    holder = holders.of(request)
    if holder is None:
        return redirect(PATH)
    token_id = request.POST.get("token", "")
    token = holder.own(token_id)
    if token is None and holder.user is not None and not token_id:
        token = proving.token_of_sign_ins(holder.user) or next(iter(holder.tokens), None)
    if token is None:
        return problem(
            request, 404, "There is no token to test with", "It may have ended, or it is not yours."
        )
    if not model:
        return problem(request, 400, "Which model?", "Name the model that the message is for.")
    return _made(request, token, model, token_id)


def _made(request: HttpRequest, token: Token, model: str, token_id: str) -> Planned:
    allowed = account.surfaces_of(account.record_of(token), current().table)
    surface = next((name for name in PATHS if name in allowed), "messages")
    said: dict[str, object] = {"model": model}
    if surface == "responses":
        said |= {"input": TEXT, "max_output_tokens": MAX_TOKENS, "store": False}
    else:
        said |= {"messages": [{"role": "user", "content": TEXT}], "max_tokens": MAX_TOKENS}
    back = f"{PATH}?token={token_id}#test" if token_id else f"{PATH}#test"
    return Planned(proving.momentary_secret(token), surface, orjson.dumps(said), address_of(request), back)


class _Answer:
    """Takes an answer as ASGI sends it."""

    def __init__(self) -> None:
        self.status = 0
        self.own_id = ""
        self._body = bytearray()

    async def send(self, message: Message) -> None:
        if message["type"] == "http.response.start":
            self.status = message["status"]
            headers = {bytes(name).lower(): bytes(value) for name, value in message["headers"]}
            self.own_id = headers.get(request_ids.HEADER, b"").decode("latin-1")
        else:
            self._body += message.get("body", b"")

    def words(self) -> str:
        """Return what an error says."""
        try:
            told = orjson.loads(self._body)["error"]["message"]
        except (orjson.JSONDecodeError, KeyError, TypeError):
            return ""
        return redact(str(told))[:LONGEST]


def _keep(request: HttpRequest, outcome: Outcome) -> None:
    request.session[RESULT] = asdict(outcome)


async def _call(planned: Planned) -> _Answer:
    headers: Headers = (
        (b"authorization", b"Bearer " + planned.secret.encode()),
        (b"content-type", b"application/json"),
        (b"content-length", str(len(planned.body)).encode()),
        (b"anthropic-version", b"2023-06-01"),
        (b"user-agent", b"link-assistant-router (test message)"),
    )
    runtime, request = current(), Request("POST", PATHS[planned.surface], b"", headers, planned.peer)
    answer, messages = _Answer(), [{"type": "http.request", "body": planned.body, "more_body": False}]
    match = runtime.table.match("POST", PATHS[planned.surface])

    async def receive() -> Message:
        if not messages:
            await asyncio.Event().wait()  # nobody leaves
        return messages.pop()

    if match is None:
        answer.status = 404
    else:  # a task of its own: the relay stops what runs too long by cancelling it
        await asyncio.create_task(enter(runtime, match, request, receive, answer.send))
    return answer
