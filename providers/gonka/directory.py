"""Find the nodes of one network: as the operator names them, or as the network lists its participants.

What the network lists is anybody's word: it is fetched and called within the egress policy alone. For one event loop.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import random
import time
from collections.abc import Coroutine, Sequence
from typing import Any

import orjson

from gateway.kernel.egress import Answer, Call, EgressError, EgressGuard, EgressRefused, Target, guard
from providers.gonka import nodes as reading
from providers.gonka.nodes import Node

logger = logging.getLogger(__name__)

FRESH_SECONDS = 300.0
AFTER_FAILURE_SECONDS = 15.0
IDENTITY_SECONDS = 3.0
PARTICIPANTS = "/v1/epochs/current/participants"
PARAMETERS = "/chain-api/productscience/inference/inference/params"
IDENTITY = "/v1/identity"


class NoNodes(Exception):
    """Raised when no node is known; the text says why and what to do."""


class Directory:
    """The nodes of one source, or of a fixed list."""

    def __init__(self, source: str, endpoints: str) -> None:
        self._source = reading.base(source)
        self._fixed = reading.parse_endpoints(endpoints)
        self._guard: EgressGuard = guard(self._source, *(node.url for node in self._fixed))
        self._found: Sequence[Node] = ()
        self._problem = ""
        self._due_at = 0.0
        self._reached: dict[str, tuple[float, tuple[str, ...]]] = {}  # url → when, and its delegates
        self._set_back: dict[str, float] = {}  # url → until when others go first
        self._running: asyncio.Task[None] | None = None

    async def nodes(self) -> list[Node]:
        """Return the nodes in the order in which to try them: at random, those that failed of late last.

        Raises `NoNodes`.
        """
        found = self._fixed or await self._participants()
        now = time.monotonic()
        order = random.sample(found, len(found))
        return sorted(order, key=lambda node: max(0.0, self._set_back.get(node.url, 0.0) - now))

    async def _participants(self) -> Sequence[Node]:
        if time.monotonic() >= self._due_at:
            self._begin()
        if not self._found and self._running is not None:
            await asyncio.shield(self._running)
        if not self._found:
            raise NoNodes(self._problem)
        return self._found

    async def refresh(self) -> None:
        """Ask for the list now, due or not."""
        await asyncio.shield(self._begin())

    def _begin(self) -> asyncio.Task[None]:
        if self._running is None:
            self._running = asyncio.get_running_loop().create_task(self._discover())
        return self._running

    async def _discover(self) -> None:
        try:
            listed, params = await asyncio.gather(
                self._document(PARTICIPANTS), self._quietly(self._document(PARAMETERS))
            )
            found = reading.participants(listed)
            may = reading.allowed(params)
            kept = [node for node in found if not may or node.address in may]
            self._note(kept, _why_none(len(found), self._source))
        except EgressError as exc:
            self._note([], f"{self._source}{PARTICIPANTS} gives no list ({exc}); {ADVICE}")
        finally:
            self._running = None

    def _note(self, found: Sequence[Node], problem: str) -> None:
        now = time.monotonic()
        self._due_at = now + (FRESH_SECONDS if found else AFTER_FAILURE_SECONDS)
        if found:
            self._found = found
            urls = {node.url for node in found}
            self._reached = {url: known for url, known in self._reached.items() if url in urls}
            self._set_back = {url: until for url, until in self._set_back.items() if url in urls}
        elif self._found:
            logger.warning("Gonka: %s; the nodes known so far stay", problem)
        self._problem = problem

    async def _document(self, path: str) -> object:
        return _read(await self._guard.fetch(Call("GET", self._source + path)))

    @staticmethod
    async def _quietly(asking: Coroutine[Any, Any, object]) -> object:
        try:
            return await asking
        except EgressError:
            return None

    async def target(self, node: Node) -> tuple[Node, Target]:
        """Return a node as it is to be called, a delegate that has not failed in place of it, and where to connect to.

        Raises `EgressError`.
        """
        for url in await self._delegates(node):
            if self._set_back.get(url, 0.0) > time.monotonic():
                continue
            with contextlib.suppress(EgressError):
                return node.at(url), await self._guard.target(url)
        return node, await self._guard.target(node.url)

    async def _delegates(self, node: Node) -> Sequence[str]:
        """Ask a listed node once in a while who is called in place of it; nodes that were named are called as named."""
        if self._fixed:
            return ()
        known_at, known = self._reached.get(node.url, (0.0, ()))
        now = time.monotonic()
        if not known_at or now - known_at > FRESH_SECONDS:
            call = Call("GET", node.url + IDENTITY, seconds=IDENTITY_SECONDS)
            try:
                known = reading.delegates(_read(await self._guard.fetch(call)))
            except EgressRefused:
                raise
            except EgressError:
                known = ()
            self._reached[node.url] = (now, known)
        return random.sample(known, len(known))

    def failed(self, node: Node, seconds: float) -> None:
        """Let other nodes go before this one for a while."""
        self._set_back[node.url] = time.monotonic() + seconds

    def worked(self, node: Node) -> None:
        """Forget what a node failed."""
        self._set_back.pop(node.url, None)

    def look_again(self) -> None:
        """Ask for the list anew at the next call: nobody of it has answered."""
        self._due_at = min(self._due_at, time.monotonic() + AFTER_FAILURE_SECONDS)

    async def aclose(self) -> None:
        """Stop asking."""
        if self._running is not None:
            self._running.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await self._running


ADVICE = "set GONKA_SOURCE_URL to a node of the network, or name nodes with GONKA_ENDPOINTS"


def _why_none(count: int, source: str) -> str:
    if count:
        return f"none of the {count} participants that {source} lists is allowed as a transfer agent"
    return f"{source} lists no participant; {ADVICE}"


def _read(answer: Answer) -> object:
    """Return the JSON of a good answer. Raises `EgressError`."""
    if answer.status != 200:
        raise EgressError(f"it answered {answer.status}")
    try:
        document: object = orjson.loads(answer.body)
    except orjson.JSONDecodeError as exc:
        raise EgressError("its answer is no JSON") from exc
    return document
