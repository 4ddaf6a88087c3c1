"""Request bodies that are compressed, or that cannot be read: decoded, passed on as they are, or refused.

A body is touched only where something in it must be known. One that nobody can read goes nowhere but to the only
provider that could serve its path.
"""

from __future__ import annotations

import asyncio

from accounts.pool.pool import Pool
from gateway.exchange.context import Arrival
from gateway.exchange.downstream import Downstream, too_large
from gateway.exchange.surfaces import Action
from providers.catalog.catalog import Catalog, Want
from providers.dialects import forms
from providers.dialects.decoding import Garbled, TooMuch
from providers.dialects.encodings import codings, decoded, is_known, without_coding
from providers.dialects.table import DIALECTS, Dialect
from providers.dialects.types import CallFields, Failure, FailureKind, Headers, Refused, header
from tokens.records import TokenRecord

QUICK_BYTES = 65536
QUICK_DECODED_BYTES = 262144
"""So much is decoded on the event loop; the rest in a thread."""
THREADS = 2
HELD_BODIES = 8
"""Of the largest size, decoded, at one time in one process: they came small, so the server has not counted them."""


class Bodies:
    """For one event loop."""

    def __init__(self, catalog: Catalog, pool: Pool, max_body_bytes: int) -> None:
        self._catalog = catalog
        self._pool = pool
        self._max_body_bytes = max_body_bytes
        self._threads = asyncio.Semaphore(THREADS)
        self.held = 0
        self.sizes: dict[Downstream, int] = {}  # of the bodies that were decoded

    async def plain(
        self, arrival: Arrival, token: TokenRecord, body: bytes, headers: Headers
    ) -> tuple[bytes, Headers]:
        """Return the body as it is to be read, with the headers that fit it. Raises `Refused`: 400, 413, 415, 503."""
        names = codings(headers)
        if not names or not arrival.surface.has_body or self._may_pass(arrival, token):
            return body, headers
        told = b", ".join(names).decode("latin-1")
        if not is_known(names):
            message = f"content-encoding: {told} is not supported; gzip, deflate, br and zstd are"
            raise Refused(Failure(FailureKind.MEDIA_TYPE, message))
        try:
            plain = await self._decoded(names, body)
        except TooMuch:
            raise too_large(self._max_body_bytes) from None
        except Garbled:
            raise Refused(Failure(FailureKind.INVALID_REQUEST, f"the body is not valid {told}")) from None
        self._hold(arrival, len(plain))
        return plain, without_coding(headers)

    def check(self, arrival: Arrival, token: TokenRecord) -> None:
        """Refuse a body that can't be read. Raises `Refused` where several providers could be meant."""
        if _is_form(arrival):
            return
        if self._catalog.only(_want(arrival, token)) is None:
            message = "the body can't be read as JSON, so it is not known which provider it is for"
            raise Refused(Failure(FailureKind.INVALID_REQUEST, message))

    def release(self, arrival: Arrival) -> None:
        """Give back what the exchange held."""
        self.held -= self.sizes.pop(arrival.downstream, 0)

    def _may_pass(self, arrival: Arrival, token: TokenRecord) -> bool:
        """Tell whether nothing in the body must be known."""
        if DIALECTS[arrival.surface.dialect].envelope is not None or token.is_model_restricted:
            return False
        if token.needs.is_any:
            return False
        only = self._catalog.only(_want(arrival, token))
        return only is not None and not self._pool.has_choice(only.provider.name)

    async def _decoded(self, names: tuple[bytes, ...], body: bytes) -> bytes:
        limit = self._max_body_bytes
        if len(body) <= QUICK_BYTES:
            try:
                return decoded(names, body, min(limit, QUICK_DECODED_BYTES))
            except TooMuch:
                if limit <= QUICK_DECODED_BYTES:
                    raise
        async with self._threads:
            return await asyncio.to_thread(decoded, names, body, limit)

    def _hold(self, arrival: Arrival, size: int) -> None:
        if self.held + size > HELD_BODIES * self._max_body_bytes:
            message = "Too many compressed request bodies are being carried, try again shortly"
            raise Refused(Failure(FailureKind.UNAVAILABLE, message, retry_after_seconds=1.0))
        self.held += size
        self.sizes[arrival.downstream] = size


def _want(arrival: Arrival, token: TokenRecord) -> Want:
    surface = arrival.surface
    is_forward = surface.action is Action.FORWARD
    return Want(DIALECTS[surface.dialect].pair, None, token.provider, is_forward=is_forward)


def _is_form(arrival: Arrival) -> bool:
    """Audio and pictures may come as forms."""
    kind = header(arrival.request.headers, b"content-type") or b""
    return arrival.surface.action is Action.FORWARD and b"json" not in kind.lower()


def read_forwarded(dialect: Dialect, headers: Headers, body: bytes) -> CallFields:
    """Return the fields of a call that is passed on: JSON of the dialect, or a form. Raises `Refused`."""
    boundary = forms.boundary_of(headers)
    if boundary is None:
        return dialect.read_call(body)
    fields = forms.read_call(body, boundary)
    if not fields.is_readable:
        message = "model: a form may give it once only"
        raise Refused(Failure(FailureKind.INVALID_REQUEST, message, param="model"))
    return fields
