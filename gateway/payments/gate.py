"""The gate between admission and routing: a call that has to be paid for goes on once it is.

One gate belongs to one event loop. What is asked of the database or of a payment's provider runs in tasks of the
gate: a caller that leaves does not take a payment with it.
"""

from __future__ import annotations

import asyncio
import hashlib
import logging
import time
import uuid
from collections.abc import Callable, Coroutine, Mapping
from dataclasses import dataclass
from typing import Any, TypeVar

from django.db import Error as DatabaseError

from gateway.exchange.context import CallContext
from gateway.exchange.surfaces import Action, Family, Surface
from gateway.kernel import events
from gateway.kernel.principal import GATEWAY
from gateway.models import Payment, PaymentStatus
from gateway.payments import claims, credential, refunds
from gateway.payments.claims import in_thread
from gateway.payments.desk import Asked, Desk, Recognised
from gateway.payments.methods.base import Method, Settled
from gateway.payments.options import PaymentOptions
from gateway.payments.problems import Code, OutcomeUnknown, PaymentProblem
from providers.dialects.types import header

logger = logging.getLogger(__name__)

RENEW_SECONDS = 5.0
CLOSING_SECONDS = 20.0
IDEMPOTENCY_KEY = b"idempotency-key"
FREE = frozenset((Action.MODELS, Action.STORED, Action.WARM_UP, Action.OK, Action.HEALTH, Action.READY))
"""What no model runs for. A kind of answer that is not named here is paid for."""
COUNTING = ("count_tokens", "count-tokens", "input_tokens")
"""Ends of paths that count tokens: that is free at the vendors', too."""
FAMILIES: Mapping[str, frozenset[Family]] = {
    "openai": frozenset((Family.OPENAI,)),
    "anthropic": frozenset((Family.ANTHROPIC, Family.BEDROCK, Family.VERTEX)),
    "all": frozenset((Family.OPENAI, Family.ANTHROPIC, Family.BEDROCK, Family.VERTEX)),
}
"""Surfaces that each value of MPP_SURFACES names."""

Count = Callable[[str, str], None]
"""Counts a payment's event: (method, what happened)."""
Result = TypeVar("Result")


@dataclass(frozen=True, slots=True)
class Paid:
    """A settled payment, held for one call."""

    id: uuid.UUID
    method: Method
    settled: Settled
    may_be_retried: bool  # with the same credential and Idempotency-Key


def is_charged(surfaces: str, surface: Surface, method: str) -> bool:
    """Tell whether calls of this surface are paid for: those that make a model, or a batch of calls, run."""
    return (
        method == "POST"
        and surface.action not in FREE
        and surface.family in FAMILIES[surfaces]
        and not surface.path.endswith(COUNTING)
    )


class Gate:
    """Takes payments, once each, and remembers those that calls are running for."""

    def __init__(self, options: PaymentOptions, methods: Mapping[str, Method], count: Count) -> None:
        self.options = options
        self.desk = Desk(options, methods)
        self.count = count
        self._methods = methods
        self._held: set[uuid.UUID] = set()
        self._served: set[uuid.UUID] = set()  # not written yet: the database was away
        self._tasks: set[asyncio.Task[Any]] = set()
        self._renewing: asyncio.Task[None] | None = None

    async def start(self) -> None:
        """Begin to renew what is held."""
        self._renewing = asyncio.create_task(self._renew())

    async def aclose(self) -> None:
        """Let running payments come to an end, then close."""
        until = time.monotonic() + CLOSING_SECONDS
        while self._tasks and (left := until - time.monotonic()) > 0:
            await asyncio.wait(tuple(self._tasks), timeout=left)
            await asyncio.sleep(0)  # what has ended may have begun something else
        if self._renewing is not None:
            self._renewing.cancel()
        for method in self._methods.values():
            await method.aclose()

    async def _renew(self) -> None:
        while True:
            await asyncio.sleep(RENEW_SECONDS)
            try:
                if self._held:
                    await in_thread(claims.renew)(tuple(self._held))
                for pk in tuple(self._served):
                    await in_thread(claims.serve)(pk)
                    self._served.discard(pk)
                    self._held.discard(pk)
            except DatabaseError as exc:
                logger.warning("Payments in use can't be noted: %s", type(exc).__name__)

    async def collect(self, context: CallContext, asked: Asked) -> Paid:
        """Return the payment that the call came with, settled and held for it. Raises PaymentProblem.

        What has begun goes on without the caller, should it leave.
        """
        value = credential.presented(context.request.headers)
        if value is None:
            offer = self.options.offer
            words = f"Pay {offer.amount} {offer.currency} (in base units) to {offer.recipient}"
            raise PaymentProblem(Code.REQUIRED, words)
        parsed = credential.parse(value)
        recognised = self.desk.recognise(parsed, asked)
        recognised.method.check(recognised.presented)
        paying = self._task(self._pay(context, parsed.fingerprint, recognised))
        try:
            return await asyncio.shield(paying)
        except asyncio.CancelledError:
            paying.add_done_callback(self._nobody_waits)
            raise

    def _nobody_waits(self, paying: asyncio.Task[Paid]) -> None:
        if not paying.cancelled() and paying.exception() is None:
            self._task(self._undelivered(paying.result(), "the caller left"))

    async def _pay(self, context: CallContext, fingerprint: str, found: Recognised) -> Paid:
        exchange, presented, method = context.exchange, found.presented, found.method
        wanted = claims.Claim(
            challenge_id=presented.challenge_id,
            method=method.name,
            offer=presented.offer,
            notes=method.notes(presented),
            token_id=exchange.token_id,
            surface=exchange.surface,
            exchange_id=exchange.id,
            fingerprint=fingerprint,
            idempotency=_hashed(header(context.request.headers, IDEMPOTENCY_KEY)),
            expires_at=found.expires_at,
        )
        row, is_ours = await in_thread(claims.claim)(wanted)
        if not is_ours:
            return await self._again(row, wanted, method)
        self._held.add(row.id)
        try:
            settled = await self._settle(row, found)
        except BaseException:
            self._held.discard(row.id)
            raise
        return Paid(row.id, method, settled, bool(wanted.idempotency))

    async def _settle(self, row: Payment, found: Recognised) -> Settled:
        """Ask the method for the money, and write what it says before anything else happens."""
        name = found.method.name
        try:
            settled = await found.method.settle(found.presented)
        except PaymentProblem as problem:
            await in_thread(claims.refuse)(row.id, problem.detail)
            raise
        except Exception as exc:
            if not isinstance(exc, OutcomeUnknown):
                logger.exception("The payment method %s failed", name)
            await self._doubt(row, name, str(exc))
            raise _unknown() from exc
        try:
            if await in_thread(claims.settle)(row.id, settled):
                self.count(name, "settled")
                return settled
        except DatabaseError:
            logger.exception("A payment was taken and can't be written down: %s", row.id)
        self.count(name, "unknown")
        raise _unknown()

    async def _doubt(self, row: Payment, name: str, why: str) -> None:
        self.count(name, "unknown")
        events.emit(events.PAYMENT_UNKNOWN, f"payment:{row.pk}", method=name, amount=row.amount)
        await in_thread(claims.doubt)(row.id, why)

    async def _again(self, row: Payment, wanted: claims.Claim, method: Method) -> Paid:
        """Return a payment that came before, where the same call may be tried again; else refuse it."""
        if row.served_at is not None:
            raise _used("the payment has been used")
        if claims.is_held(row):
            raise _used("the payment is in use by another call", 409)
        if row.status in (PaymentStatus.UNKNOWN, PaymentStatus.CLAIMED):
            raise _unknown()
        is_same = wanted.idempotency and (row.idempotency, row.fingerprint) == (
            wanted.idempotency,
            wanted.fingerprint,
        )
        is_paid = row.settled_at is not None and row.status in (PaymentStatus.SETTLED, PaymentStatus.FAILED)
        if not (is_same and is_paid):
            raise _used("the payment has been tried before")
        if not await in_thread(claims.retake)(row, wanted.exchange_id):
            raise _used("the payment is in use by another call", 409)
        self._held.add(row.id)
        self.count(method.name, "retried")
        return Paid(row.id, method, Settled(row.reference, row.extras), True)

    async def serve(self, paid: Paid) -> None:
        """Note that the answer begins. The caller has paid: it gets it even while the database is away."""
        self._held.discard(paid.id)
        self.count(paid.method.name, "served")
        try:
            await in_thread(claims.serve)(paid.id)
        except DatabaseError as exc:
            logger.warning("A payment's use will be noted later: %s", type(exc).__name__)
            self._served.add(paid.id)
            self._held.add(paid.id)  # until then nobody may take it for one that delivered nothing

    async def undelivered(self, paid: Paid, why: str) -> None:
        """Note that nothing was delivered for a payment, and give the money back unless the call may come again."""
        await asyncio.shield(self._task(self._undelivered(paid, why)))

    def undelivered_later(self, paid: Paid, why: str) -> None:
        """Do the same without waiting for it."""
        self._task(self._undelivered(paid, why))

    async def _undelivered(self, paid: Paid, why: str) -> None:
        self._held.discard(paid.id)
        self.count(paid.method.name, "undelivered")
        try:
            await in_thread(claims.fail)(paid.id, why)
            if not paid.may_be_retried:
                await refunds.give_back(paid.id, paid.method, GATEWAY)
        except DatabaseError as exc:
            logger.error(
                "The payment %s delivered nothing and can't be noted: %s", paid.id, type(exc).__name__
            )

    def _task(self, work: Coroutine[Any, Any, Result]) -> asyncio.Task[Result]:
        task = asyncio.create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)
        return task


def _hashed(key: bytes | None) -> str:
    return hashlib.sha256(key).hexdigest() if key else ""


def _used(detail: str, status: int = 402) -> PaymentProblem:
    return PaymentProblem(Code.INVALID_CHALLENGE, detail, status)


def _unknown() -> PaymentProblem:
    words = "it is not known yet whether the payment was taken; do not pay again"
    return PaymentProblem(Code.INTERNAL, words, 500)
