"""The store of objects: memory first, then Redis where several processes share, then the table.

An id that memory does not know costs one question: whoever asks for it meanwhile waits for the same answer, and at
most fifty questions a second reach the table, each for all ids that wait. What is put is in the table when `put`
returns. While the database is away, a new object is kept in this process and written when it is back.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import time
from collections import OrderedDict
from collections.abc import Callable, Collection, Iterable

import msgspec
from redis.exceptions import RedisError

from gateway.objects import rows
from gateway.objects.records import StoredObject, is_usable_id
from gateway.objects.writer import AWAY, Writer, in_thread, redis_name
from gateway.shared.redis import Shared
from providers.dialects.types import Failure, FailureKind

logger = logging.getLogger(__name__)

REMEMBERED = 20_000
ABSENT_SECONDS = 1.0
PAUSE_SECONDS = 0.02
"""Between two questions to the table."""
PATIENCE_SECONDS = 5.0
MAX_WAITING = 10_000

_decoder = msgspec.json.Decoder(StoredObject)


class ObjectsUnavailable(Exception):
    """Whose an object is can't be told now: the table does not answer, or too many ids wait for it."""

    failure = Failure(
        FailureKind.UNAVAILABLE,
        "Stored objects can't be looked up now; please try again",
        retry_after_seconds=1.0,
        should_retry=True,
    )


class ObjectStore:
    """Stored objects as one event loop knows them."""

    def __init__(self, shared: Shared | None = None, clock: Callable[[], float] = time.time) -> None:
        self._shared = shared
        self._clock = clock
        self._known: OrderedDict[str, StoredObject] = OrderedDict()
        self._absent: dict[str, float] = {}
        self._flights: dict[str, asyncio.Future[StoredObject | None]] = {}
        self._asked: list[str] = []
        self._reader: asyncio.Task[None] | None = None
        self._writer = Writer(shared, clock, self._forget)

    async def aclose(self) -> None:
        """End what runs, and write what is not written yet."""
        if self._reader is not None:
            self._reader.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await self._reader
            self._reader = None
        for flight in self._flights.values():
            if not flight.done():
                flight.set_exception(ObjectsUnavailable())
        self._flights = {}
        await self._writer.aclose()

    async def find(self, ids: Iterable[str]) -> dict[str, StoredObject]:
        """Return those of the ids that are known. Raises `ObjectsUnavailable`."""
        found: dict[str, StoredObject] = {}
        flights: dict[str, asyncio.Future[StoredObject | None]] = {}
        for name in ids:
            known = self._recall(name)
            if known is not None:
                found[name] = known
            elif is_usable_id(name) and self._absent.get(name, 0.0) <= self._clock():
                flights[name] = self._flight(name)
        if not flights:
            return found
        done, waiting = await asyncio.wait(flights.values(), timeout=PATIENCE_SECONDS)
        if waiting or any(one.exception() is not None for one in done):
            raise ObjectsUnavailable
        told = {name: flight.result() for name, flight in flights.items()}
        return found | {name: one for name, one in told.items() if one is not None}

    async def page(self, wanted: rows.Wanted) -> rows.Page | None:
        """Return a part of a list as `rows.page` does. Raises `ObjectsUnavailable`."""
        await self._writer.settled()
        try:
            return await in_thread(lambda: rows.page(wanted, self._clock()))
        except AWAY as exc:
            raise ObjectsUnavailable from exc

    async def put(self, *objects: StoredObject) -> None:
        """Remember objects; they are in the table when this returns, unless it does not answer."""
        usable = [one for one in objects if is_usable_id(one.id)]
        for one in usable:
            known = self._known.get(one.id)
            if known is None or known.owner == one.owner:
                self._remember(one)
        self._writer.put(usable)
        await self._writer.settled()

    def note(self, one: StoredObject) -> None:
        """Remember an object at once, and have it written without anybody's waiting."""
        if is_usable_id(one.id):
            known = self._known.get(one.id)
            if known is None or known.owner == one.owner:
                self._remember(one)
            self._writer.put([one])

    async def describe(self, name: str, document: str) -> None:
        """Keep what the upstream says of an object, for lists."""
        self._writer.describe(name, document)
        await self._writer.settled()

    async def delete(self, name: str) -> None:
        """Forget an object that its upstream has deleted."""
        self._known.pop(name, None)
        self._writer.delete(name)
        await self._writer.settled()

    def _forget(self, name: str) -> None:
        self._known.pop(name, None)

    def _recall(self, name: str) -> StoredObject | None:
        known = self._known.get(name)
        if known is None:
            return None
        if not _is_living(known, self._clock()):
            del self._known[name]
            return None
        self._known.move_to_end(name)
        return known

    def _remember(self, one: StoredObject) -> None:
        self._absent.pop(one.id, None)
        self._known[one.id] = msgspec.structs.replace(one, document="") if one.document else one
        self._known.move_to_end(one.id)
        if len(self._known) > REMEMBERED:
            self._known.popitem(last=False)

    def _flight(self, name: str) -> asyncio.Future[StoredObject | None]:
        flight = self._flights.get(name)
        if flight is None:
            if len(self._flights) >= MAX_WAITING:
                raise ObjectsUnavailable
            flight = self._flights[name] = asyncio.get_running_loop().create_future()
            # Whoever waits may have left: nobody is to be told then.
            flight.add_done_callback(lambda done: None if done.cancelled() else done.exception())
            self._asked.append(name)
            if self._reader is None or self._reader.done():
                self._reader = asyncio.create_task(self._read(), name="objects-reader")
        return flight

    async def _read(self) -> None:
        """Ask for all ids that wait, until none does."""
        while self._asked:
            names, self._asked = self._asked[: rows.IDS_TOGETHER], self._asked[rows.IDS_TOGETHER :]
            try:
                found = await self._look_up(names)
            except Exception as exc:  # noqa: BLE001 - told to those who wait
                logger.warning("Stored objects can't be looked up: %s", type(exc).__name__)
                for name in names:
                    self._flights.pop(name).set_exception(ObjectsUnavailable())
            else:
                for name in names:
                    self._land(name, found.get(name))
            await asyncio.sleep(PAUSE_SECONDS)

    def _land(self, name: str, one: StoredObject | None) -> None:
        """Tell those who wait for an id."""
        one = self._known.get(name, one)  # it may have been made meanwhile
        if one is not None:
            self._remember(one)
        else:
            now = self._clock()
            if len(self._absent) >= MAX_WAITING:
                self._absent = {key: until for key, until in self._absent.items() if until > now}
            if len(self._absent) < MAX_WAITING:
                self._absent[name] = now + ABSENT_SECONDS
        self._flights.pop(name).set_result(one)

    async def _look_up(self, names: list[str]) -> dict[str, StoredObject]:
        found = await self._from_redis(names)
        missing = [name for name in names if name not in found]
        if missing:
            found |= await in_thread(lambda: rows.find(missing, self._clock()))
        return found

    async def _from_redis(self, names: Collection[str]) -> dict[str, StoredObject]:
        shared = self._shared
        if shared is None or not shared.health.is_up:
            return {}
        try:
            told = await shared.client.mget([redis_name(name) for name in names])
        except (RedisError, OSError) as exc:
            shared.health.down(exc)
            return {}
        found = [_decoded(raw) for raw in told if isinstance(raw, bytes)]
        now = self._clock()
        return {one.id: one for one in found if one is not None and _is_living(one, now)}


def _is_living(one: StoredObject, now: float) -> bool:
    return one.expires_at is None or one.expires_at >= now


def _decoded(raw: bytes) -> StoredObject | None:
    try:
        return _decoder.decode(raw)
    except (msgspec.DecodeError, RecursionError):
        return None
