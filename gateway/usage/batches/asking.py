"""Ask the upstream of a batch how it is, and for its results: with the account that made it, off any call's way."""

from __future__ import annotations

import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from enum import StrEnum
from urllib.parse import quote

import httpx
import msgspec

from accounts.pool.lease import Ask, Lease
from accounts.pool.pool import Pool
from gateway.batches.models import BatchRow
from gateway.usage.batches.requests import PATH
from gateway.usage.batches.results import Bill
from providers.catalog.catalog import Catalog
from providers.catalog.records import ProviderRecord
from providers.dialects.mending import UNREADABLE, tolerant
from providers.dialects.types import WireRequest
from providers.sending import Sender, upstream_of
from providers.upstream import Upstream

HEADERS = ((b"accept", b"application/json"), (b"accept-encoding", b"identity"))
MAX_BYTES = 1024 * 1024


class Standing(StrEnum):
    """How a batch stands at its upstream."""

    RUNNING = "running"
    ENDED = "ended"
    GONE = "gone"  # deleted, or its results have been thrown away


class Unknown(Exception):
    """Nobody could tell now; another time."""


class _Told(msgspec.Struct):
    processing_status: str | None = None
    archived_at: str | None = None


_decoder = msgspec.json.Decoder(_Told)


@dataclass(frozen=True, slots=True)
class Upstreams:
    """The ways to the upstreams of one event loop."""

    catalog: Catalog
    pool: Pool
    sender: Sender

    async def standing(self, row: BatchRow) -> Standing:
        """Return how the batch stands. Raises `Unknown` and what a sender or pool raises."""
        async with self._lent(row) as (lease, upstream):
            fetched = await self.sender.fetch(upstream, _request(row), MAX_BYTES)
            self.pool.report(lease, fetched.verdict)
            answer = fetched.answer
            if answer.status in (404, 410):
                return Standing.GONE
            if answer.status != 200:
                raise Unknown(f"status {answer.status}")
            try:
                told = tolerant(_decoder.decode, answer.body)
            except UNREADABLE:
                raise Unknown("an answer that can't be read") from None
        if told.processing_status != "ended":
            return Standing.RUNNING
        return Standing.ENDED if told.archived_at is None else Standing.GONE

    async def read(self, row: BatchRow, bill: Bill) -> None:
        """Read all results into the bill. Raises `Unknown` and what a sender or pool raises."""
        async with self._lent(row) as (_, upstream):
            response = await self.sender.send(upstream, _request(row, b"/results"))
            try:
                if response.status_code != 200:
                    raise Unknown(f"results: status {response.status_code}")
                async for chunk in response.stream:  # type: ignore[union-attr]
                    bill.feed(chunk)
                bill.finish()
            finally:
                await response.aclose()

    @asynccontextmanager
    async def _lent(self, row: BatchRow) -> AsyncIterator[tuple[Lease, Upstream]]:
        """Borrow the account that made the batch."""
        record: ProviderRecord | None = self.catalog.view.providers.get(row.provider)
        if record is None:
            raise Unknown("its provider is not there any more")
        ask = Ask(record.name, None, None, row.token_id, time.time(), address=record.base_url)
        ask.own = None if self.pool.has_accounts(record.name) else record.own_credential()
        ask.pinned, ask.is_held_there, ask.is_fetched = row.account or None, True, True
        lease = self.pool.choose(ask)
        try:
            if lease.is_expired and not await self.pool.refresh(lease):
                raise Unknown("its account's login can't be renewed")
            yield lease, upstream_of(record, lease.account, lease.credential, proxy=lease.proxy)
        except httpx.TransportError as exc:
            raise Unknown(type(exc).__name__) from exc
        finally:
            self.pool.release(lease)


def _request(row: BatchRow, below: bytes = b"") -> WireRequest:
    name = quote(row.pk, safe="").encode("ascii")
    return WireRequest("GET", PATH + b"/" + name + below, b"", HEADERS, b"")
