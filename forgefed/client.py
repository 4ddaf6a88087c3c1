"""Send signed requests: one scheme first, the other on refusal, the one that works remembered per host."""

from __future__ import annotations

import re
import time
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import TypeVar

from asgiref.sync import sync_to_async
from channels.db import database_sync_to_async
from django.conf import settings

from forgefed import hosts, keys, services
from forgefed.reading import ACCEPTED
from forgefed.signing import cavage, rfc9421
from forgefed.signing.messages import Message
from forgefed.vocabulary import MEDIA_TYPE
from gateway.kernel import egress
from gateway.kernel.egress import LONGEST_SECONDS, MOST_REDIRECTS, Answer, Call, EgressGuard, Headers

Found = TypeVar("Found")

SCHEMES = {cavage.SCHEME: cavage.headers_of, rfc9421.SCHEME: rfc9421.headers_of}
OTHER = {cavage.SCHEME: rfc9421.SCHEME, rfc9421.SCHEME: cavage.SCHEME}
ABOUT_SIGNATURES = re.compile(rb"signature|digest", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class Letter:
    """A body to post."""

    body: bytes
    content_type: str = MEDIA_TYPE


class SignedClient:
    """Signs as our actor. Its fetches are what `gateway.kernel.egress` allows; it raises that module's errors."""

    def __init__(self, guard: EgressGuard, is_in_request: bool = True) -> None:
        """`is_in_request`: Django looks after the thread's connection; else each piece of work does."""
        self._guard = guard
        self._is_in_request = is_in_request

    async def get(self, url: str, redirects: int = MOST_REDIRECTS) -> Answer:
        """Fetch, signed at every hop."""
        return await self._knock(Call("GET", url, lambda _: [("accept", ACCEPTED)], redirects=redirects))

    async def post(self, url: str, letter: Letter, seconds: float = LONGEST_SECONDS) -> Answer:
        """Deliver once, or twice where the first signature was not understood."""
        headers = [("content-type", letter.content_type), ("accept", ACCEPTED)]
        return await self._knock(Call("POST", url, lambda _: headers, letter.body, seconds))

    async def _knock(self, call: Call) -> Answer:
        host = hosts.host_of(call.url)
        own, known = await self.in_database(lambda: (services.own_keys(), hosts.scheme_of(host)))
        scheme = known or cavage.SCHEME
        answer = await self._guard.fetch(_signed(call, own, scheme))
        if not is_refused_signature(answer):
            return answer
        second = await self._guard.fetch(_signed(call, own, OTHER[scheme]))
        if is_refused_signature(second):
            return second
        await self.in_database(lambda: hosts.remember_scheme(host, OTHER[scheme]))
        return second

    async def in_database(self, work: Callable[[], Found]) -> Found:
        """Run database work in a thread."""
        if self._is_in_request:
            return await sync_to_async(work)()
        found: Found = await database_sync_to_async(work, thread_sensitive=False)()
        return found


def client(is_in_request: bool = True) -> SignedClient:
    """Return the client of this installation. The operator's own peers are allowed wherever they are."""
    return SignedClient(egress.guard(*settings.FEDERATION_PEERS), is_in_request)


def is_refused_signature(answer: Answer) -> bool:
    """Tell whether the other scheme may be the one that is understood."""
    return answer.status == 401 or (answer.status == 400 and ABOUT_SIGNATURES.search(answer.body) is not None)


def _signed(call: Call, own: keys.OwnKeys, scheme: str) -> Call:
    def headers(url: str) -> Headers:
        plain = list(call.headers(url))
        message = Message(call.method, url, tuple(plain), call.body)
        key_id = f"{services.own_id()}#{keys.MAIN}"
        return [*plain, *SCHEMES[scheme](message, own.main, key_id, time.time())]

    return replace(call, headers=headers)
