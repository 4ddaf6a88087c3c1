"""Ask for a ticket until it is resolved, and find its answer."""

from __future__ import annotations

import time
from collections.abc import Mapping
from dataclasses import dataclass

import orjson

from forgefed import offers
from forgefed.client import SignedClient
from forgefed.models import RemoteActor
from forgefed.reading import Document, id_of, is_same_origin, many
from gateway.kernel.egress import Answer
from providers.crater.answer import UNANSWERED, comment_text, direct_text, resolvers, usage_of
from providers.crater.board import Watch
from providers.crater.task import TaskFailed

GROWTH = 1.2
LONGEST_WAIT_SECONDS = 15.0
"""Waits between two polls grow up to this, or up to the configured one where that is longer."""
MOST_PAGES, MOST_NOTES = 5, 50
SHOWN_BODY = 2_000


@dataclass(frozen=True, slots=True)
class Tracker:
    """The tracker as one call sees it. `deadline`: monotonic seconds."""

    client: SignedClient
    watch: Watch
    inbox: str
    target: str
    poll_seconds: float
    deadline: float

    def is_own(self, uri: str) -> bool:
        """Tell whether an address is on the tracker's server."""
        return is_same_origin(uri, self.inbox) or (bool(self.target) and is_same_origin(uri, self.target))

    async def fetch(self, uri: str) -> Answer:
        """Fetch one of the tracker's documents. Raises `TaskFailed`, `EgressError`."""
        if not self.is_own(uri):
            raise TaskFailed(502, f"ForgeFed upstream request failed: {_unreachable(uri[:200])}")
        return await self.client.get(uri, redirects=0)

    async def authors(self, ticket: Document) -> set[str]:
        """Return whose comments count: the tracker's, and of whoever has resolved the ticket."""
        known = RemoteActor.objects.filter(inbox_uri=self.inbox).values_list("uri", flat=True)
        actors = await self.client.in_database(lambda: set(known))
        return {*actors, *resolvers(ticket), *filter(None, [self.target])}


async def resolved(tracker: Tracker, ticket: str, question: str) -> tuple[str, Mapping[str, int]] | None:
    """Return text and usage of a ticket once it is resolved; None: not in time. Raises `TaskFailed`, `EgressError`."""
    wait = tracker.poll_seconds
    while True:
        answer = await tracker.fetch(ticket)
        document = None
        if 200 <= answer.status < 300:
            document = _document(answer, ticket)
        elif answer.status != 429 and answer.status < 500:
            raise _refused(answer)
        if document is not None and document.get("isResolved") is True:
            return await _text(tracker, ticket, document, question), usage_of(document)
        left = tracker.deadline - time.monotonic()
        if left <= 0:
            return None
        asked = _retry_after(answer) if document is None else 0.0
        is_news = await tracker.watch.news(min(left, max(wait, asked)))
        longest = max(LONGEST_WAIT_SECONDS, tracker.poll_seconds)
        wait = tracker.poll_seconds if is_news else min(wait * GROWTH, longest)


def _unreachable(uri: str) -> str:
    """Say why an address is not fetched; of what is none, in the Rust router's words."""
    if uri.startswith(("http://", "https://")):
        return f"{uri} is not on the tracker's server"
    return f"builder error for url ({uri})" if "://" in uri else "builder error"


def _document(answer: Answer, ticket: str) -> Document:
    """Return the ticket, which must be the one that was asked for; what is no object says nothing.

    Raises `TaskFailed`.
    """
    document = _loads(answer)
    named = id_of(document)
    if named and named != ticket:
        raise TaskFailed(502, f"the document at {ticket[:200]} is another one: {named[:200]}")
    return document if isinstance(document, dict) else {}


def _loads(answer: Answer) -> object:
    try:
        return orjson.loads(answer.body)
    except orjson.JSONDecodeError as exc:
        words = "EOF while parsing a value at line 1 column 0" if not answer.body else str(exc)
        raise TaskFailed(502, words) from exc


def _refused(answer: Answer) -> TaskFailed:
    body = answer.body[:SHOWN_BODY].decode(errors="replace")
    return TaskFailed(
        502, f"ForgeFed delivery failed with HTTP {answer.status}" + (f": {body}" if body else "")
    )


def _retry_after(answer: Answer) -> float:
    text = answer.header("retry-after")
    return float(text) if text.isascii() and text.isdecimal() and len(text) < 6 else 0.0


async def _text(tracker: Tracker, ticket: str, document: Document, question: str) -> str:
    text = direct_text(document)
    if text:
        return text
    authors = await tracker.authors(document)
    listed = await _replies(tracker, document.get("replies"))
    told = await tracker.client.in_database(lambda: offers.notes(ticket, authors))
    text = comment_text([*told, *listed], authors, question)
    if not text:
        raise TaskFailed(502, UNANSWERED)
    return text


async def _replies(tracker: Tracker, given: object) -> list[Document]:
    """Return the notes of a collection, newest first where it is ordered; what is elsewhere is left out."""
    found: list[Document] = []
    page, pages = given, 0
    while page is not None and pages < MOST_PAGES and len(found) < MOST_NOTES:
        pages += 1
        document = await _fetched(tracker, page)
        if document is None:
            break
        ordered = many(document.get("orderedItems"))
        for item in (*ordered, *reversed(many(document.get("items")))):
            if len(found) < MOST_NOTES and (note := await _fetched(tracker, item)) is not None:
                found.append(note)
        page = document.get("next") or document.get("first")
    return found


async def _fetched(tracker: Tracker, given: object) -> Document | None:
    """Return an embedded document, or fetch it from the tracker's server."""
    if isinstance(given, dict):
        return given
    if not isinstance(given, str) or not tracker.is_own(given):
        return None
    answer = await tracker.fetch(given)
    document = _loads(answer) if answer.status == 200 else None
    return document if isinstance(document, dict) else None
