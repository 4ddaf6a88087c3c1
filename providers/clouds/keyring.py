"""Keep what the sources of credentials have given, and ask each of them once, however many calls wait."""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Callable

from gateway.kernel.redaction import redact
from providers.clouds.sources import NoCredential, Proof, Source, source_of
from providers.upstream import Credential

logger = logging.getLogger(__name__)

LOOKUP_SECONDS = 7.0
"""A call waits so long for a credential."""
FAILED_SECONDS = 2.0
MOST_SOURCES = 1024
Key = tuple[str, str, str, str | None]
MakeSource = Callable[[Credential, str, str | None], Source]


class Keyring:
    """For one event loop."""

    def __init__(self, make: MakeSource = source_of) -> None:
        self._make = make
        self._sources: dict[Key, Source] = {}
        self._fetching: dict[Key, asyncio.Task[Proof]] = {}
        self._failed: dict[Key, tuple[float, str]] = {}

    def ready(self, credential: Credential, region: str, proxy: str | None) -> Proof | None:
        """Return what a call may show where that is known already."""
        source = self._sources.get((str(credential.kind), credential.secret, region, proxy))
        return None if source is None else source.ready()

    async def proof(self, credential: Credential, region: str, proxy: str | None) -> Proof:
        """Return what a call may show. Raises `NoCredential`."""
        key = (str(credential.kind), credential.secret, region, proxy)
        source = self._sources.get(key)
        if source is None:
            if len(self._sources) >= MOST_SOURCES:
                self._sources.clear()
            source = self._sources[key] = self._make(credential, region, proxy)
        ready = source.ready()
        return ready if ready is not None else await self._fetched(key, source)

    async def renewed(
        self, credential: Credential, region: str, proxy: str | None, refused: Proof
    ) -> Proof | None:
        """Return another proof than the one that was refused; None: there is none."""
        key = (str(credential.kind), credential.secret, region, proxy)
        source = self._sources.get(key)
        if source is None or source.is_same():
            return None
        ready = source.ready()
        if ready is not None and ready != refused:
            return ready  # another call has been quicker
        try:
            return await self._fetched(key, source)
        except NoCredential:
            return None

    async def _fetched(self, key: Key, source: Source) -> Proof:
        until, reason = self._failed.get(key, (0.0, ""))
        if time.monotonic() < until:
            raise NoCredential(reason)
        task = self._fetching.get(key)
        if task is None:
            task = self._fetching[key] = asyncio.ensure_future(asyncio.to_thread(source.fetch))
            task.add_done_callback(lambda done: self._note(key, done))
        try:
            async with asyncio.timeout(LOOKUP_SECONDS):
                return await asyncio.shield(task)
        except TimeoutError:
            raise NoCredential("looking for a credential takes too long") from None
        except NoCredential:
            raise
        except Exception as exc:
            raise NoCredential(_reason(exc)) from exc

    def _note(self, key: Key, done: asyncio.Task[Proof]) -> None:
        self._fetching.pop(key, None)
        self._failed.pop(key, None)
        if done.cancelled():
            return
        exc = done.exception()
        if exc is not None:
            self._failed[key] = time.monotonic() + FAILED_SECONDS, _reason(exc)
            logger.warning("No credential of kind %s: %s", key[0], _reason(exc))


def _reason(exc: BaseException) -> str:
    return redact(f"{type(exc).__name__}: {exc}"[:300])
