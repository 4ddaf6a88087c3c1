"""Responses that run in the background: the exchange goes on when its client has left, and is asked for by its id.

The call is carried as any other, by the same relay, with a client that is a list of events in the store of responses.
Its own row is the only one: whoever has asked for it is answered as soon as an upstream is asked, or refused before.
Where processes share Redis each finds it there. The one that runs it says so every few seconds; a response of which
nobody has said so is failed. A row in the table of objects tells the same after a restart.
"""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import AsyncIterator, Callable, Coroutine
from typing import Any

import orjson

from gateway.exchange.attempts import Reply
from gateway.exchange.context import CallContext
from gateway.exchange.downstream import Interruption
from gateway.exchange.stored_responses import ALIVE, CANCELLED
from gateway.exchange.surfaces import Match
from gateway.objects.records import Kind, StoredObject
from gateway.relay import errors
from gateway.relay.deps import RelayDeps
from gateway.relay.running import Run, Telling, failed, refused
from gateway.telemetry.request_ids import HEADER
from providers.dialects.openai_response import Resource, repeated
from providers.dialects.openai_responses import KEEPALIVE
from providers.dialects.table import JSON, STREAM
from providers.dialects.types import Failure, FailureKind, Refused, WireAnswer
from providers.translation.responses import replay, stored_items

logger = logging.getLogger(__name__)

PATH = b"/v1/responses"
BEAT_SECONDS = 0.25
"""How often events that have come are written down, and looked for by who follows."""
SIGN_SECONDS = 2.0
"""How often a process says that it still runs a response, and looks whether another was told to cancel it."""
DEAD_SECONDS = 20.0
"""So long after the last such sign the process is taken for dead."""
MOST_RUNNING = 1000
"""Of one process."""
GOODBYE_SECONDS = 3.0
FORGOTTEN = "forgotten"
ENDED = Failure(
    FailureKind.INTERNAL, "The process that ran this response has ended before the response was complete."
)
CUT = Failure(FailureKind.UPSTREAM, "The answer ended before it was complete.")


Carry = Callable[..., Coroutine[Any, Any, None]]
"""`Relay.carry`."""


class Backgrounds:
    """The responses that run in this process's event loop, and those that others run."""

    def __init__(self, deps: RelayDeps, carry: Carry) -> None:
        self._store = deps.responses
        self._objects = deps.objects
        self._is_paid = deps.payments is not None
        self._is_over = deps.watchdog.is_over
        self._carry = carry
        self._runs: dict[tuple[str, str], Run] = {}  # by token and id
        self._tasks: set[asyncio.Task[None]] = set()
        self._is_closing = False

    def is_running(self) -> bool:
        """Tell whether a response runs here."""
        return bool(self._runs)

    async def begin(self, context: CallContext) -> Reply | None:
        """Start the call's response and return how it stands; None: nothing runs at this path. Raises `Refused`."""
        if context.path != PATH:
            return None
        run = self._made(context)
        context.exchange.is_handed_on = True
        task = asyncio.create_task(self._live(run, context))
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)
        await asyncio.shield(run.begun)
        context.exchange.id = run.exchange_id
        context.downstream.set_header(HEADER, run.exchange_id.encode())
        refusal = run.turn.refusal
        if refusal is not None and not run.is_kept:
            return Reply(refusal)
        if context.call.fields.stream:
            return self.streamed(context, run.name, replay.FROM_START)
        return Reply(WireAnswer(200, JSON, orjson.dumps(run.first)))

    def _made(self, context: CallContext) -> Run:
        run = Run.of(context)
        if self._is_paid:
            raise refused("calls that are paid for one by one run in the foreground only")
        if not self._store.keep_seconds:
            raise refused("responses are not kept here (RESPONSES_STORE_SECONDS=0)")
        if len(self._runs) >= MOST_RUNNING:
            words = "Too many responses are running in the background; please try again"
            raise Refused(Failure(FailureKind.RATE_LIMIT, words, retry_after_seconds=5.0))
        return run

    # --- running -----------------------------------------------------------------------------------

    async def _live(self, run: Run, context: CallContext) -> None:
        """Carry the exchange and write down what comes of it, to its end."""
        self._runs[run.token_id, run.name] = run
        match = Match(context.surface, context.path)
        carried = asyncio.create_task(self._carry(match, run.request, run.turn.receive, run.turn.send))
        carried.add_done_callback(lambda _: run.news.set())
        try:
            await run.news.wait()
            if run.is_sent or run.turn.refusal is None:
                await self._keep_first(run)
            run.begin()
            while not carried.done():
                await asyncio.wait({carried}, timeout=BEAT_SECONDS)
                await self._beat(run)
        except Exception as exc:  # noqa: BLE001 - whoever waits for the beginning is told
            run.begin(exc)
            if run.is_kept:
                logger.warning("A background response can't be written down: %s", type(exc).__name__)
            run.cancel()
        except asyncio.CancelledError:
            carried.cancel()
            raise
        finally:
            await asyncio.wait({carried})
            if not carried.cancelled():
                carried.exception()
            await self._finish(run)

    async def _keep_first(self, run: Run) -> None:
        await self._store.sign(run.token_id, run.name, ALIVE, str(time.time()))
        await self._store.put(
            run.token_id, run.name, stored_items.record(run.body, orjson.dumps(run.response))
        )
        if self._objects is not None:
            now = time.time()
            row = StoredObject(
                run.name,
                Kind.BACKGROUND,
                "",
                "",
                run.token_id,
                run.owner,
                now,
                now + self._store.keep_seconds,
            )
            await self._objects.store.put(row)
        run.is_kept = True

    async def _beat(self, run: Run) -> None:
        """Write down what has come, say that it still runs, and hear whether it is cancelled."""
        if run.is_cancelled:
            return
        events, run.events = run.events, []
        if events:
            await self._store.tell(run.token_id, run.name, events)
        if run.has_moved and run.is_running:  # its end is told when the exchange is settled
            run.has_moved = False
            record = stored_items.record(run.body, orjson.dumps(run.response))
            await self._store.put(run.token_id, run.name, record)
        if time.monotonic() >= run.sign_at:
            run.sign_at = time.monotonic() + SIGN_SECONDS
            await self._store.sign(run.token_id, run.name, ALIVE, str(time.time()))
            sign = await self._store.sign_of(run.token_id, run.name, CANCELLED)
            if sign:
                run.is_forgotten = sign == FORGOTTEN
                run.cancel()

    async def _finish(self, run: Run) -> None:
        """Write down how it has ended. A store that is away costs only that: others take it for failed."""
        if not run.is_kept:
            self._runs.pop((run.token_id, run.name), None)
            return
        try:
            run.end(self._failure_of(run))
            if run.is_forgotten:
                await self._store.forget(run.token_id, run.name)
            else:
                await self._store.tell(run.token_id, run.name, run.events)
                await self._store.keep(run.token_id, run.call, orjson.dumps(run.response))
            if self._objects is not None and not (run.has_failed and (self._is_closing or self._is_over())):
                await self._objects.store.delete(run.name)
                if run.is_native:
                    await self._objects.store.put(run.made())
        except Exception as exc:  # noqa: BLE001 - the store or the table is away
            logger.warning("The end of a background response can't be written down: %s", type(exc).__name__)
        finally:
            self._runs.pop((run.token_id, run.name), None)

    @staticmethod
    def _failure_of(run: Run) -> Failure:
        refusal = run.turn.refusal
        return CUT if refusal is None else errors.failure_in(refusal, run.dialect)

    # --- asked for -----------------------------------------------------------------------------------

    async def found(self, context: CallContext, name: str) -> bytes | None:
        """Return what is stored of a response, as it stands now: failed where its process has died; None: nothing."""
        token_id = context.token.id
        stored = await self._store.find(token_id, name)
        if stored is None:
            return await self._lost(context, name)
        if (token_id, name) in self._runs or not stored_items.is_running(stored):
            return stored
        alive = await self._store.sign_of(token_id, name, ALIVE)
        if alive and time.time() - float(alive) < DEAD_SECONDS:
            return stored
        stored = stored_items.with_response(stored, failed(stored_items.response_of(stored), ENDED))
        await self._store.put(token_id, name, stored)
        return stored

    async def _lost(self, context: CallContext, name: str) -> bytes | None:
        """Return a response of which only the row is left: its process has ended, and its memory with it."""
        if self._objects is None:
            return None
        row = (await self._objects.store.find((name,))).get(name)
        if row is None or row.kind != Kind.BACKGROUND or row.owner != context.token.ledger_id:
            return None
        echo = {**repeated({}), "background": True}
        was = Resource(name, int(row.made_at), "", echo).object("in_progress", [])
        return stored_items.record(b"{}", failed(orjson.dumps(was), ENDED))

    async def cancel(self, context: CallContext, name: str, stored: bytes) -> bytes:
        """Cancel a response and return how it stands then; one that has ended stays as it is. Raises `Refused`."""
        if not stored_items.is_background(stored):
            words = "Only a response that runs in the background can be cancelled."
            raise Refused(Failure(FailureKind.INVALID_REQUEST, words))
        if not stored_items.is_running(stored):
            return stored_items.response_of(stored)
        token_id = context.token.id
        response = {**orjson.loads(stored_items.response_of(stored)), "status": "cancelled"}
        run = self._runs.get((token_id, name))
        if run is None:
            await self._store.sign(token_id, name, CANCELLED, "1")
        else:
            run.cancel()
            response = run.response
        written = orjson.dumps(response)
        await self._store.put(token_id, name, stored_items.with_response(stored, written))
        return written

    async def forget(self, context: CallContext, name: str) -> None:
        """Delete a response; one that runs is cancelled."""
        token_id = context.token.id
        run = self._runs.get((token_id, name))
        if run is not None:
            run.is_forgotten = True
            run.cancel()
        stored = await self._store.find(token_id, name)
        await self._store.forget(token_id, name)
        if run is None and stored is not None and stored_items.is_running(stored):
            await self._store.sign(token_id, name, CANCELLED, FORGOTTEN)
        if self._objects is not None and (stored is None or stored_items.is_background(stored)):
            await self._objects.store.delete(name)

    def streamed(self, context: CallContext, name: str, after: int) -> Reply:
        """Return the events of a response, those that have come and those that come, behind this number."""
        context.exchange.is_stream = True
        context.downstream.allow_pings(lambda: KEEPALIVE)
        body = self._follow(context, name, after)
        return Reply(WireAnswer(200, STREAM), Telling(), body, is_stream=True)

    async def _follow(self, context: CallContext, name: str, after: int) -> AsyncIterator[bytes]:
        token_id, start = context.token.id, 0
        while True:
            stored = await self.found(context, name)
            events = await self._store.told(token_id, name, start)
            start += len(events)
            for data in events:
                event = replay.numbered(data)
                if event.sequence_number is None or event.sequence_number > after:
                    yield replay.written(event.type, data)
                if event.is_last:
                    return
            if stored is None:
                return  # it has been deleted
            if not stored_items.is_running(stored) and not events:
                for data in replay.rest(orjson.loads(stored_items.response_of(stored)), start):
                    event = replay.numbered(data)
                    if event.sequence_number is None or event.sequence_number > after:
                        yield replay.written(event.type, data)
                return
            yield b""  # the exchange lives
            await asyncio.sleep(BEAT_SECONDS)

    async def aclose(self) -> None:
        """End what still runs: whoever asks for it later is told that its process has ended."""
        self._is_closing = True
        for run in tuple(self._runs.values()):
            run.interrupt(Interruption.DRAIN)
        if self._tasks:
            _, late = await asyncio.wait(self._tasks, timeout=GOODBYE_SECONDS)
            for task in late:
                task.cancel()
