"""Work deliveries off: inside `serve`, or by `manage.py deliver`. Several processes may, each takes its own."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import time

import orjson
from django.conf import settings
from django.db import Error as DatabaseError

from forgefed import changes, deliveries, offers, receiving, remote, services, vocabulary
from forgefed.client import Letter, SignedClient
from forgefed.deliveries import Outcome
from forgefed.errors import BadAddress, ForgefedError
from forgefed.models import Delivery
from forgefed.remote import Gone, Remote
from gateway.kernel.egress import Answer, EgressError, EgressRefused

logger = logging.getLogger(__name__)

INTERVAL_SECONDS = 1.0
"""What other processes have written is noticed after this time at most."""
TRY_SECONDS = 30.0
STOP_SECONDS = 10.0
TIDY_SECONDS = 3600.0
LONGEST_RETRY_AFTER = 6 * 3600.0
PARALLEL = 8


class Deliverer:
    """Delivers what is due. `start` and `aclose` belong to one event loop."""

    def __init__(self, client: SignedClient) -> None:
        self._client = client
        self._remote = Remote(client)
        self._wake = asyncio.Event()
        self._loop: asyncio.AbstractEventLoop | None = None
        self._task: asyncio.Task[None] | None = None
        self._is_stopping = False
        self._is_database_away = False
        self._tidied_at = 0.0

    async def start(self) -> None:
        """Begin to deliver."""
        self._loop = asyncio.get_running_loop()
        changes.outgoing.add(self.wake)
        self._task = asyncio.create_task(self.run(), name="forgefed-deliveries")

    def wake(self) -> None:
        """Look for work now. From any thread."""
        if self._loop is not None:
            with contextlib.suppress(RuntimeError):  # the loop has ended
                self._loop.call_soon_threadsafe(self._wake.set)

    def stop(self) -> None:
        """End after the tries under way."""
        self._is_stopping = True
        self._wake.set()

    async def aclose(self) -> None:
        """Stop; tries under way have a while to end. One that is cut is tried again when its claim has run out."""
        changes.outgoing.remove(self.wake)
        self.stop()
        if self._task is not None:
            _, late = await asyncio.wait([self._task], timeout=STOP_SECONDS)
            for task in late:
                task.cancel()
            await asyncio.gather(self._task, return_exceptions=True)
            self._task = None

    async def run(self) -> None:
        """Deliver until stopped."""
        while not self._is_stopping:
            if not await self._round():
                with contextlib.suppress(TimeoutError):
                    async with asyncio.timeout(INTERVAL_SECONDS):
                        await self._wake.wait()
            self._wake.clear()

    async def _round(self) -> int:
        """Do what is due, and tidy once an hour; return how many deliveries were tried."""
        try:
            tried = await self.once()
            if time.monotonic() - self._tidied_at > TIDY_SECONDS:
                self._tidied_at = time.monotonic()
                await self._client.in_database(_tidy)
        except DatabaseError as exc:
            if not self._is_database_away:
                logger.warning("Deliveries wait: the database is away (%s)", type(exc).__name__)
            self._is_database_away = True
            return 0
        except Exception:
            logger.exception("Deliveries failed unexpectedly; going on")
            return 0
        self._is_database_away = False
        return tried

    async def once(self) -> int:
        """Deliver what is due now; return how many were tried. Raises the database's errors."""
        total = 0
        while not self._is_stopping:
            batch = await self._client.in_database(lambda: deliveries.claim(PARALLEL))
            if not batch:
                break
            ended = await asyncio.gather(*map(self._deliver, batch), return_exceptions=True)
            total += len(batch)
            for problem in (one for one in ended if isinstance(one, BaseException)):
                raise problem
        return total

    async def _deliver(self, delivery: Delivery) -> None:
        if await self._client.in_database(lambda: deliveries.postponed(delivery)):
            return
        try:
            async with asyncio.timeout(TRY_SECONDS):
                outcome = await self._try(delivery)
        except TimeoutError:
            outcome = Outcome(None, "no answer in time", is_over=False, is_away=True)
        if not outcome.is_over:
            logger.info("Delivery to %s failed: %s", delivery.host, outcome.error)
        await self._client.in_database(lambda: deliveries.conclude(delivery, outcome))

    async def _try(self, delivery: Delivery) -> Outcome:
        try:
            if not delivery.inbox_uri:
                delivery.inbox_uri = (await self._remote.actor(delivery.recipient)).inbox_uri
            said = services.statement(delivery.activity, delivery.activity.actor.name)
            body = orjson.dumps(vocabulary.delivered_activity(settings.ACTOR_BASE_URL, said))
            return outcome_of(await self._client.post(delivery.inbox_uri, Letter(body)))
        except (EgressRefused, BadAddress) as exc:
            return Outcome(None, f"the address may not be called: {exc}")
        except Gone as exc:
            return Outcome(None, f"the actor is gone: {exc}")
        except EgressError as exc:
            return Outcome(None, str(exc), is_over=False, is_away=True)
        except ForgefedError as exc:
            return Outcome(None, f"the inbox can't be found: {exc}", is_over=False)


def outcome_of(answer: Answer) -> Outcome:
    """Return what an inbox's answer means for the delivery."""
    status = answer.status
    words = "" if 200 <= status < 300 else f"{status}: {answer.body[:200].decode(errors='replace')}"
    if status in (408, 429) or status >= 500:
        return Outcome(
            status,
            words,
            is_over=False,
            is_away=status >= 500,
            retry_after_seconds=_seconds(answer.header("retry-after")),
        )
    return Outcome(status, words)


def _seconds(text: str) -> float:
    return min(float(text), LONGEST_RETRY_AFTER) if text.isascii() and text.isdecimal() else 0.0


def _tidy() -> None:
    for part in (receiving, offers, deliveries, remote):
        part.forget_old()
