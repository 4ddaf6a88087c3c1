"""One call at one node after the other: signed for each, until one has begun to answer."""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import AsyncIterator
from dataclasses import dataclass
from email.utils import parsedate_to_datetime
from typing import Any

import httpx

from gateway.kernel.egress import EgressError, EgressRefused
from providers.credentials.base import Draft
from providers.credentials.secp256k1 import Secp256k1, signer
from providers.gonka import words
from providers.gonka.directory import Directory
from providers.gonka.nodes import Node
from providers.gonka.words import Meaning, Refusal, Told
from providers.upstream import Credential

logger = logging.getLogger(__name__)

MOST_TRIES = 8
TRY_SECONDS = 30.0
"""After so long no other node is tried."""
MAX_REFUSAL_BYTES = 64 * 1024
SET_BACK_SECONDS = {403: 600.0, 410: 600.0}
USUAL_SET_BACK_SECONDS = 30.0


@dataclass(frozen=True, slots=True)
class Plan:
    """Steps before a call leaves."""

    source: str  # base URL of the provider
    endpoints: str
    credential: Credential
    is_signed: bool  # to nodes; False: to the URL of the request
    needs_model: bool


class Explained(Exception):
    """Raised with what the caller is told in place of an answer."""

    def __init__(self, told: Told) -> None:
        super().__init__(told.message)
        self.told = told


class Tries:
    """One call, at one node after the other."""

    def __init__(
        self, shared: httpx.AsyncBaseTransport, directory: Directory, request: httpx.Request, plan: Plan
    ) -> None:
        self._shared = shared
        self._directory = directory
        self._request = request
        self._plan = plan
        self._body = b"".join(request.stream)  # type: ignore[arg-type]
        self._refusals: list[Refusal] = []
        self._called: Node | None = None  # a node's delegate, or itself
        self._shut_out = ""  # a node that the egress policy forbids

    async def run(self, nodes: list[Node]) -> httpx.Response:
        """Return the first answer that is one. Raises `Explained`."""
        until = time.monotonic() + TRY_SECONDS
        tried = 0
        for node in nodes[:MOST_TRIES]:
            if tried and time.monotonic() >= until:
                break
            tried += 1
            response = await self._try(node)
            if response is not None:
                self._directory.worked(node)
                return response
        self._directory.look_again()
        raise Explained(self._told(tried))

    async def _try(self, node: Node) -> httpx.Response | None:
        """Ask one node; None: another one may be asked."""
        for is_last in (False, True):
            began = time.monotonic()
            try:
                response = await self._asked(node)
            except (httpx.TransportError, EgressError) as exc:
                self._note_silence(node, exc)
                return None
            except asyncio.CancelledError:
                if (
                    time.monotonic() - began > 1.0
                ):  # the client was not the impatient one, or waited long enough
                    self._failed(node, USUAL_SET_BACK_SECONDS)
                raise
            if isinstance(response, httpx.Response):
                return response
            refusal, date = response
            if refusal.meaning is not Meaning.AGAIN or is_last:
                return self._meant(node, refusal, date)
        raise AssertionError("the second try is the last")

    async def _asked(self, node: Node) -> httpx.Response | tuple[Refusal, str]:
        """Return an answer whose first byte has come, or a refusal with the node's own time."""
        self._called = node
        self._called, target = await self._directory.target(node)
        request = self._signed(self._called, target.addresses)
        response = await self._shared.handle_async_request(request)
        if 200 <= response.status_code < 300:
            return await _begun(response)
        headers = tuple([(name.lower(), value) for name, value in response.headers.raw])
        body = await bounded(response, MAX_REFUSAL_BYTES)
        return words.refusal(response.status_code, headers, body), response.headers.get("date", "")

    def _signed(self, node: Node, addresses: tuple[str, ...]) -> httpx.Request:
        plan, asked = self._plan, self._request
        url = httpx.URL(node.url)
        target = url.raw_path.rstrip(b"/") + asked.extensions["target"]
        draft = Draft(asked.method, url, target, list(asked.headers.raw), self._body)
        if asked.method == "POST":
            Secp256k1(node.address).apply(draft, plan.credential, time.time())
        extensions: dict[str, Any] = {
            name: asked.extensions[name] for name in ("proxy", "timeout") if name in asked.extensions
        }
        return httpx.Request(
            draft.method, url, headers=draft.headers, stream=httpx.ByteStream(draft.body),
            extensions={**extensions, "target": target, "addresses": tuple(sorted(addresses))},
        )  # fmt: skip

    def _failed(self, node: Node, seconds: float) -> None:
        """Let others go first: other nodes, and the node itself before its delegate."""
        for one in {node, self._called or node}:
            self._directory.failed(one, seconds)

    def _note_silence(self, node: Node, exc: Exception) -> None:
        logger.info("Gonka node %s does not answer (%s); another is tried", node.url, exc)
        self._failed(node, USUAL_SET_BACK_SECONDS)
        if isinstance(exc, EgressRefused):
            self._shut_out = f"{node.url}: {exc}"

    def _meant(self, node: Node, refusal: Refusal, date: str) -> httpx.Response | None:
        """Return what the node says to the caller; None: another node may be asked. Raises `Explained`."""
        meaning, message = refusal.meaning, refusal.message
        if meaning is Meaning.FINAL:
            return _passed(refusal, self._request)
        if meaning is Meaning.AGAIN:
            raise Explained(words.clock(message, _skew(date)))
        if meaning in (Meaning.KEY, Meaning.BALANCE) and self._request.method == "POST":
            mine = signer(self._plan.credential.secret)
            if meaning is Meaning.KEY:
                raise Explained(words.key(message, mine.address, mine.public_key))
            raise Explained(words.balance(message, mine.address))
        logger.info("Gonka node %s answered %d; another is tried", node.url, refusal.status)
        self._failed(node, SET_BACK_SECONDS.get(refusal.status, USUAL_SET_BACK_SECONDS))
        self._refusals.append(refusal)
        return None

    def _told(self, tried: int) -> Told:
        statuses = {refusal.status for refusal in self._refusals}
        if statuses == {410}:
            return words.gone()
        if self._shut_out and not statuses:
            problem = (
                f"{self._shut_out}; EGRESS_ALLOWED_NETWORKS names networks that may be called all the same"
            )
            return words.no_nodes(problem)
        last = next((one for one in reversed(self._refusals) if one.status != 410), None)
        return words.exhausted(last, tried)


class Begun(httpx.AsyncByteStream):
    """An answer whose first bytes have been read."""

    def __init__(self, first: bytes, rest: AsyncIterator[bytes], stream: httpx.AsyncByteStream) -> None:
        self._first = first
        self._rest = rest
        self._stream = stream

    async def __aiter__(self) -> AsyncIterator[bytes]:
        if self._first:
            yield self._first
        async for chunk in self._rest:
            yield chunk

    async def aclose(self) -> None:
        """Close the answer."""
        await self._stream.aclose()


async def _begun(response: httpx.Response) -> httpx.Response:
    """Wait for the first byte: until it has come another node may still be asked. Raises `httpx.TransportError`."""
    stream: httpx.AsyncByteStream = response.stream  # type: ignore[assignment]
    rest = aiter(stream)
    try:
        first = await anext(rest, b"")
    except BaseException:
        await stream.aclose()
        raise
    response.stream = Begun(first, rest, stream)
    return response


async def bounded(response: httpx.Response, limit: int) -> bytes:
    """Return the beginning of a body, and close it. Raises `httpx.TransportError`."""
    pieces, total = [], 0
    try:
        async for piece in response.stream:  # type: ignore[union-attr]
            pieces.append(piece)
            total += len(piece)
            if total >= limit:
                break
    finally:
        await response.stream.aclose()  # type: ignore[union-attr]
    return b"".join(pieces)[:limit]


def _skew(date: str) -> float | None:
    """Return how far our clock is ahead of the node's, in seconds."""
    try:
        return time.time() - parsedate_to_datetime(date).timestamp()
    except ValueError:
        return None


def _passed(refusal: Refusal, request: httpx.Request) -> httpx.Response:
    if not refusal.is_openai_shaped:
        return answer_of(words.final(refusal), request)
    kept = [pair for pair in refusal.headers if pair[0] not in (b"content-length", b"transfer-encoding")]
    return httpx.Response(
        refusal.status, headers=kept, stream=httpx.ByteStream(refusal.body), request=request
    )


def answer_of(told: Told, request: httpx.Request) -> httpx.Response:
    """Return an error as an answer in OpenAI's form."""
    headers = [(b"content-type", b"application/json"), *told.headers]
    return httpx.Response(told.status, headers=headers, stream=httpx.ByteStream(told.body), request=request)
