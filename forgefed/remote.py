"""Fetch documents of others, and their keys, which are remembered.

A document counts only under the address that it says is its own; a key only if its owner lists it.
"""

from __future__ import annotations

import time
from collections import deque
from dataclasses import dataclass
from datetime import timedelta

from django.utils import timezone

from forgefed.client import SignedClient
from forgefed.errors import BadDocument, BadSignature, ForgefedError
from forgefed.hosts import host_of
from forgefed.models import Follower, RemoteActor, RemoteKey
from forgefed.reading import (
    LONGEST_ID,
    Document,
    ListedKey,
    id_of,
    is_activity_type,
    is_same_origin,
    key_of,
    listed_key_ids,
    listed_keys,
    parse,
    text_of,
    without_fragment,
)
from gateway.kernel.egress import EgressError

KEY_LIFE = timedelta(hours=24)
"""Age after which a key is fetched anew, if its server is there."""
REMEMBERED = timedelta(days=30)
FETCHES_PER_MINUTE = 30
"""Per host: a stranger can name any host in a signature."""
FETCHES_IN_ALL = 600
"""Per minute, whatever the hosts: a stranger can name as many."""
MOST_HOSTS = 10_000
MOST_KEYS = 16
"""Keys of one actor that are remembered."""


class Gone(ForgefedError):
    """The document's server says that it is no more."""


@dataclass(frozen=True, slots=True)
class KnownKey:
    """A key of somebody else. `is_remembered`: it comes from a row, and may have been changed since."""

    owner: str
    public: str
    is_remembered: bool


class FetchLimit:
    """Counts fetches per host over the last minute."""

    def __init__(self, per_minute: int = FETCHES_PER_MINUTE) -> None:
        self._per_minute = per_minute
        self._seen: dict[str, deque[float]] = {}

    def take(self, host: str) -> None:
        """Count one fetch. Raises `BadSignature` when there were too many."""
        now = time.monotonic()
        if len(self._seen) > MOST_HOSTS:
            self._seen.clear()
        for name, most in ((host, self._per_minute), ("", FETCHES_IN_ALL)):
            times = self._seen.setdefault(name, deque())
            while times and now - times[0] > 60:
                times.popleft()
            if len(times) >= most:
                raise BadSignature("too many keys were asked for within a minute")
        self._seen[host].append(now)
        self._seen[""].append(now)

    def clear(self) -> None:
        self._seen.clear()


LIMIT = FetchLimit()


class Remote:
    """Reads other servers through a signed client."""

    def __init__(self, client: SignedClient, limit: FetchLimit = LIMIT) -> None:
        self.client = client
        self._limit = limit

    async def document(self, url: str) -> Document:
        """Fetch the document with that id. Raises `Gone`, `BadDocument`, `BadAddress`, `EgressError`."""
        url = without_fragment(url)
        document, found_at = await self._fetch(url)
        own_id = without_fragment(id_of(document))
        if own_id == found_at:
            return document
        if not own_id or own_id == url:
            raise BadDocument("the document is not under the address that it names")
        document, found_at = await self._fetch(own_id)
        if without_fragment(id_of(document)) != found_at:
            raise BadDocument("the document is not under the address that it names")
        return document

    async def _fetch(self, url: str) -> tuple[Document, str]:
        answer = await self.client.get(url)
        if answer.status in (404, 410):
            raise Gone(f"{answer.status} at {url}")
        if answer.status != 200:
            raise BadDocument(f"{answer.status} at {url}")
        if not is_activity_type(answer.header("content-type")):
            raise BadDocument("the answer is of another type than ActivityPub's")
        return parse(answer.body), without_fragment(answer.url)

    async def actor(self, uri: str) -> RemoteActor:
        """Fetch an actor and remember it with its keys. Raises as `document` does."""
        document = await self.document(uri)
        return await self.client.in_database(lambda: remember(document))

    async def key(self, key_id: str, is_fresh: bool = False) -> KnownKey:
        """Return a key, from memory unless `is_fresh`. Raises `BadSignature`, `Gone`."""
        row = await self.client.in_database(lambda: RemoteKey.objects.filter(key_id=key_id).first())
        is_young = row is not None and timezone.now() - row.fetched_at < KEY_LIFE
        if row is not None and is_young and not is_fresh:
            return KnownKey(row.owner, row.public, is_remembered=True)
        try:
            return await self._fetched_key(key_id)
        except (ForgefedError, EgressError) as exc:
            if row is not None and not is_fresh:
                return KnownKey(row.owner, row.public, is_remembered=False)
            if isinstance(exc, Gone):
                raise
            raise BadSignature(f"the key can't be had: {exc}") from exc

    async def _fetched_key(self, key_id: str) -> KnownKey:
        self._limit.take(host_of(key_id))
        document = await self.document(key_id)
        if not text_of(document, "inbox"):
            found = await self._claimed_key(key_id, document)
            return KnownKey(found.owner, found.public, is_remembered=False)
        await self.client.in_database(lambda: remember(document))
        for key in listed_keys(document):
            if key.key_id == key_id and key.owner == id_of(document):
                return KnownKey(key.owner, key.public, is_remembered=False)
        raise BadSignature("the actor does not list that key as its own")

    async def _claimed_key(self, key_id: str, document: Document) -> ListedKey:
        """Return a key that is a document of its own, if the owner on the same server lists it too."""
        found = key_of(document)
        if found is None or found.key_id != key_id or not is_same_origin(found.owner, key_id):
            raise BadSignature("not a key, or one whose owner is elsewhere")
        owner = await self.document(found.owner)
        if key_id not in listed_key_ids(owner) or not text_of(owner, "inbox"):
            raise BadSignature("the owner does not list that key")
        await self.client.in_database(lambda: remember(owner, found))
        return found


def remember(document: Document, *more: ListedKey) -> RemoteActor:
    """Write down an actor and its keys. Raises `BadDocument` for what is none."""
    uri, inbox = id_of(document), text_of(document, "inbox")
    if not uri or not inbox or len(inbox) > LONGEST_ID:
        raise BadDocument("not an actor: it has no inbox")
    now = timezone.now()
    name = text_of(document, "preferredUsername") or text_of(document, "name")
    actor, _ = RemoteActor.objects.update_or_create(
        uri=uri,
        defaults={
            "kind": text_of(document, "type")[:64],
            "name": name[:200],
            "inbox_uri": inbox,
            "fetched_at": now,
        },
    )
    for key in (*listed_keys(document)[:MOST_KEYS], *more):
        if key.owner == uri and is_same_origin(key.key_id, uri):
            RemoteKey.objects.update_or_create(
                key_id=key.key_id, defaults={"owner": uri, "public": key.public, "fetched_at": now}
            )
    return actor


def forget_old() -> None:
    """Delete what was fetched long ago of actors that do not follow us: it can be had again."""
    long_ago = timezone.now() - REMEMBERED
    followers = Follower.objects.values("uri")
    RemoteKey.objects.filter(fetched_at__lt=long_ago).exclude(owner__in=followers).delete()
    RemoteActor.objects.filter(fetched_at__lt=long_ago).exclude(uri__in=followers).delete()


def outdate(uri: str) -> None:
    """Have an actor's keys fetched anew when they are next needed."""
    RemoteKey.objects.filter(owner=uri).update(fetched_at=timezone.now() - KEY_LIFE)
