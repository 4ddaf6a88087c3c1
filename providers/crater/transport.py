"""Offer a ticket, wait for its answer, and give that back as a Chat Completions answer.

The answer may come in the body of the answer to the Offer, as an Accept in our inbox, by asking for the ticket again
and again, or because the tracker says that there is news. Only the tracker is believed.
"""

from __future__ import annotations

import time
import uuid
from collections.abc import Mapping
from dataclasses import dataclass, replace

import httpx
import orjson
from django.conf import settings
from django.db import Error as DatabaseError

from forgefed import offers, services
from forgefed.client import Letter, SignedClient
from forgefed.errors import ForgefedError
from forgefed.models import OfferState
from forgefed.reading import Document, is_same_origin
from forgefed.vocabulary import activity_id
from gateway.kernel import egress
from gateway.kernel.egress import Answer, EgressError
from providers.crater import completion
from providers.crater.answer import answers_at_once, ticket_of
from providers.crater.board import Board, Watch
from providers.crater.completion import Completion
from providers.crater.task import Task, TaskFailed, offer, read_task
from providers.crater.ticket import Tracker, resolved

ORDER = "crater"
"""The extension of a request that holds its `Order`."""
OFFER_TYPE = 'application/ld+json; profile="https://www.w3.org/ns/activitystreams"'
JSON, EVENTS = "application/json", "text/event-stream; charset=utf-8"
SHOWN_BODY = 2_000


@dataclass(frozen=True, slots=True)
class Order:
    """Where a task goes and how long it may take; both durations in seconds."""

    inbox: str
    target: str = ""  # empty: the inbox
    poll_seconds: float = 1.0
    timeout_seconds: int = 120

    @property
    def aim(self) -> str:
        return self.target or self.inbox


class CraterTransport(httpx.AsyncBaseTransport):
    """The engine under the kind: one call is one ticket. Cancelled, it stops asking."""

    def __init__(self, models: tuple[str, ...]) -> None:
        self._models = models
        self._board: Board | None = None

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        """Return the answer to a Chat Completions request, or why there is none."""
        if request.method != "POST":
            return _response(request, 200, JSON, completion.models(self._models))
        try:
            task = read_task(await request.aread())
            answer = await self._answered(task, request.extensions[ORDER])
        except TaskFailed as failure:
            return _response(request, failure.status, JSON, completion.error(failure))
        if task.is_stream:
            return _response(request, 200, EVENTS, completion.stream(answer))
        return _response(request, 200, JSON, completion.whole(answer))

    async def aclose(self) -> None:
        if self._board is not None:
            await self._board.aclose()

    async def _answered(self, task: Task, order: Order) -> Completion:
        try:
            text, usage = await self._asked(task, order)
        except (EgressError, ForgefedError) as exc:
            raise TaskFailed(502, f"ForgeFed upstream request failed: {exc}") from exc
        except DatabaseError as exc:
            raise TaskFailed(502, "ForgeFed upstream request failed: our database is away") from exc
        return Completion(f"chatcmpl-{uuid.uuid4()}", int(time.time()), task.model, text, usage)

    async def _asked(self, task: Task, order: Order) -> tuple[str, Mapping[str, int]]:
        client = SignedClient(egress.guard(order.inbox, order.target), is_in_request=False)
        if self._board is None:
            self._board = Board(SignedClient(egress.guard(), is_in_request=False))
        own_id = activity_id(settings.ACTOR_BASE_URL, f"offer-{uuid.uuid4()}")
        deadline = time.monotonic() + order.timeout_seconds
        await client.in_database(lambda: offers.begin(own_id, order.target, order.inbox))
        with self._board.watch(own_id) as watch:
            said = await self._offered(client, task, order, own_id)
            tracker = Tracker(client, watch, order.inbox, order.target, order.poll_seconds, deadline)
            said = said or await _accepted(watch, deadline)
            if said is None:
                raise _late(own_id, order)
            ticket = ticket_of(said)
            await client.in_database(lambda: offers.note_ticket(own_id, ticket))
            found = await resolved(tracker, ticket, task.content)
            if found is None:
                raise _late(ticket, order)
            return found

    async def _offered(self, client: SignedClient, task: Task, order: Order, own_id: str) -> Document | None:
        """Send the Offer; return the tracker's answer, if it is in the body already. Raises `TaskFailed`."""
        actor = services.own_id()
        if not is_same_origin(task.attributed_to, actor):
            task = replace(task, attributed_to="")
        letter = Letter(offer(task, own_id, actor, order.aim), OFFER_TYPE)
        seconds = max(float(order.timeout_seconds), egress.LONGEST_SECONDS)
        answer = await client.post(order.inbox, letter, seconds)
        if not 200 <= answer.status < 300:
            raise refused(answer)
        try:
            document = orjson.loads(answer.body)
        except orjson.JSONDecodeError:
            return None
        return document if answers_at_once(document) else None


async def _accepted(watch: Watch, deadline: float) -> Document | None:
    """Wait for the Accept in our inbox; None: it did not come in time."""
    while watch.standing.state == OfferState.WAITING:
        left = deadline - time.monotonic()
        if left <= 0:
            return None
        await watch.news(left)
    return watch.standing.answer or {}


def _late(what: str, order: Order) -> TaskFailed:
    return TaskFailed(504, f"task {what} did not resolve within {order.timeout_seconds} seconds")


def refused(answer: Answer) -> TaskFailed:
    """Return the failure that an answer other than 2xx means."""
    body = answer.body[:SHOWN_BODY].decode(errors="replace")
    return TaskFailed(
        502, f"ForgeFed delivery failed with HTTP {answer.status}" + (f": {body}" if body else "")
    )


def _response(request: httpx.Request, status: int, kind: str, body: bytes) -> httpx.Response:
    headers = {"content-type": kind, "content-length": str(len(body))}
    return httpx.Response(status, headers=headers, stream=httpx.ByteStream(body), request=request)
