"""`GET /v1/models`: what can be asked for with this token, in the shape of who asks.

The vendor's own list passes untouched while there is nothing to add to it. Otherwise the lists of the providers, their
configured models and listed aliases are merged. Nobody waits long: lists are kept for minutes, the last known one
serves when a provider does not answer.
"""

from __future__ import annotations

import asyncio
import contextlib
import time
from collections.abc import Awaitable, Callable, Iterable
from dataclasses import dataclass, field
from urllib.parse import unquote

import httpx
import orjson

from accounts.errors import PoolExhausted
from accounts.pool.lease import Ask
from accounts.pool.pool import Pool
from gateway.exchange.attempts import Reply
from gateway.exchange.context import CallContext
from gateway.exchange.surfaces import HOSTILE
from providers.catalog.catalog import Catalog, ProviderRecord, Want
from providers.dialects.listing import Model, read_models
from providers.dialects.table import DIALECTS, JSON
from providers.dialects.types import Failure, FailureKind, Headers, Refused, WireAnswer, WireRequest
from providers.drivers.base import Outcome
from providers.errors import NoRoute, ProviderError, UnknownModel
from providers.routing import driver_of
from providers.sending import Sender, upstream_of
from providers.words import MAX_LIST_BYTES
from tokens.records import TokenRecord

FRESH_SECONDS = 300.0
AFTER_FAILURE_SECONDS = 30.0
WAIT_SECONDS = 2.0
"""For all providers together: callers give up after three seconds."""
PLAIN_SECONDS = 2.8
FETCH_SECONDS = 10.0
PATH = b"/v1/models"
WANTED: Headers = ((b"accept", b"application/json"), (b"accept-encoding", b"identity"))


@dataclass(slots=True)
class Known:
    """The last list of one provider. Times are monotonic; [] and 0.0 = none yet."""

    models: list[dict[str, object]] = field(default_factory=list)
    fetched_at: float = 0.0
    failed_at: float = 0.0
    task: asyncio.Task[None] | None = None

    def is_due(self, now: float) -> bool:
        if self.fetched_at and now - self.fetched_at < FRESH_SECONDS:
            return False
        return not self.failed_at or now - self.failed_at >= AFTER_FAILURE_SECONDS


class ModelsList:
    """Lists of models, kept for the callers of one event loop."""

    def __init__(self, catalog: Catalog, pool: Pool, sender: Sender) -> None:
        self._catalog = catalog
        self._pool = pool
        self._sender = sender
        self._known: dict[tuple[str, str], Known] = {}

    async def reply(self, context: CallContext, ask: Callable[[CallContext], Awaitable[Reply]]) -> Reply:
        """Return the vendor's own answer while nothing is to be added to it, else ours. In time either way."""
        if not self.is_plain(context):
            return Reply(await self.answer(context))
        try:
            async with asyncio.timeout(PLAIN_SECONDS):
                return await ask(context)
        except TimeoutError:
            late = Failure(FailureKind.TIMEOUT, "The upstream's list of models did not come in time")
            raise Refused(late) from None

    def is_plain(self, context: CallContext) -> bool:
        """Return whether the vendor's own answer is the right one, byte for byte."""
        view, token, path = self._catalog.view, context.token, context.path
        boot = view.boot.name if view.boot is not None else ""
        has_more = any(row.is_listed and not row.is_pattern for row in view.routes) or any(
            record.models or (not driver_of(record).lists_models and record.name == boot)
            for record in view.providers.values()
        )
        is_free = not token.is_model_restricted and token.provider is None
        is_clean = b"/" not in path[len(PATH) + 1 :] and not HOSTILE.search(path)
        return is_free and not has_more and is_clean and self._is_native(context.surface.dialect)

    def _is_native(self, dialect: str) -> bool:
        """Tell whether the vendor whose paths pass as they are speaks this dialect."""
        try:
            first = self._catalog.routes(Want(DIALECTS[dialect].pair, None, is_native=True))[0]
        except NoRoute:
            return False
        return first.dialect == DIALECTS[dialect].pair

    async def answer(self, context: CallContext) -> WireAnswer:
        """Return the merged list, a page of it, or one model. Raises `Refused`."""
        path, token, dialect = context.path, context.token, DIALECTS[context.surface.dialect]
        models = await self.merged(token)
        if path == PATH:
            return WireAnswer(200, JSON, orjson.dumps(dialect.list_models(models, context.call.query)))
        name = unquote(path[len(PATH) + 1 :].decode("latin-1"), errors="replace")
        found = next((one for one in models if one.id == name), None) or await self._unlisted(name, token)
        if found is None:
            message = f"The model `{name}` does not exist or you do not have access to it"
            raise Refused(Failure(FailureKind.NOT_FOUND, message, param="model", code="model_not_found"))
        return WireAnswer(200, JSON, orjson.dumps(dialect.show_model(found)))

    async def merged(self, token: TokenRecord) -> list[Model]:
        """Return every model that this token may ask for, each once. What is listed can be asked for."""
        view = self._catalog.view
        chosen = (token.provider, view.boot.name if view.boot is not None else "")
        await self._refresh(
            record
            for record in view.ordered()
            if driver_of(record).lists_models or (not record.models and record.name in chosen)
        )
        found: dict[str, Model] = {}
        for record in sorted(view.ordered(), key=lambda record: not driver_of(record).lists_models):
            for model in self._of(record):
                if model.id not in found and self._leads_to(model.id, record, token):
                    found[model.id] = model
        for row in view.routes:
            if row.is_listed and not row.is_pattern and self._may(row.model, token):
                known = found.get(row.model)
                vendor = known.vendor if known is not None else {}
                found[row.model] = Model(row.model, row.chain[0][0], row.display_name, vendor)
        return list(found.values())

    def _of(self, record: ProviderRecord) -> Iterable[Model]:
        known = self._known.get((record.name, record.base_url))
        for vendor in known.models if known is not None else ():
            yield Model(str(vendor["id"]), record.name, vendor=vendor)
        for name in record.models or ((record.default_model,) if record.default_model else ()):
            if name:
                yield Model(name, record.name)

    def _leads_to(self, model: str, record: ProviderRecord, token: TokenRecord) -> bool:
        """Tell whether a call for this name goes to the provider that lists it, and the token may make it."""
        want = Want("", model, token.provider)
        try:
            first = self._catalog.routes(want)[0]
        except ProviderError:
            return False
        return first.provider.name == record.name and token.may_use_model(model)

    def _may(self, model: str, token: TokenRecord) -> bool:
        try:
            first = self._catalog.routes(Want("", model, token.provider))[0]
        except (NoRoute, UnknownModel):
            return False
        served = first.target.model or model
        return token.may_use_model(model) and token.may_use_model(served)

    async def _unlisted(self, name: str, token: TokenRecord) -> Model | None:
        """Return the model behind a short name that the vendor knows but does not list."""
        if HOSTILE.search(name.encode()) or "/" in name or not self._may(name, token):
            return None
        record = self._catalog.routes(Want("", name, token.provider))[0].provider
        if not driver_of(record).lists_models:
            return None
        try:
            async with asyncio.timeout(WAIT_SECONDS / 2):
                body = await self._get(record, PATH + b"/" + name.encode(), b"")
        except (TimeoutError, httpx.TransportError, PoolExhausted):
            return None
        models = read_models(b"[" + body + b"]") if body else None
        return Model(name, record.name, vendor={**models[0], "id": name}) if models else None

    # Fetching

    async def _refresh(self, records: Iterable[ProviderRecord]) -> None:
        """Ask those whose lists are old, all at once, and wait a little.

        Late answers serve the next caller.
        """
        now = time.monotonic()
        tasks = []
        for record in records:
            known = self._known.setdefault((record.name, record.base_url), Known())
            if known.task is None and known.is_due(now) and self._can_be_called(record):
                known.task = asyncio.get_running_loop().create_task(self._fetch(record, known))
            if known.task is not None:
                tasks.append(known.task)
        if tasks:
            await asyncio.wait(tasks, timeout=WAIT_SECONDS)

    def _can_be_called(self, record: ProviderRecord) -> bool:
        return self._pool.has_credentials(record.name) or record.own_credential() is not None

    async def _fetch(self, record: ProviderRecord, known: Known) -> None:
        query = driver_of(record).list_query
        models = None
        try:
            async with asyncio.timeout(FETCH_SECONDS):
                models = read_models(await self._get(record, PATH, query))
        except (TimeoutError, httpx.TransportError, PoolExhausted):
            pass
        finally:
            known.task = None
        now = time.monotonic()
        if models is None:
            known.failed_at = now
        else:
            known.models, known.fetched_at, known.failed_at = models, now, 0.0

    async def _get(self, record: ProviderRecord, path: bytes, query: bytes) -> bytes:
        """Return the body of a good answer, else b"".

        Raises `PoolExhausted` and what the sender raises.
        """
        own = record.own_credential()
        lease = self._pool.choose(
            Ask(record.name, None, None, "", time.time(), own=own, address=record.base_url)
        )
        try:
            upstream = upstream_of(record, lease.account, lease.credential, proxy=lease.proxy)
            fetched = await self._sender.fetch(
                upstream, WireRequest("GET", path, query, WANTED, b""), MAX_LIST_BYTES
            )
            self._pool.report(lease, fetched.verdict)
            is_good = fetched.verdict.outcome is Outcome.OK and fetched.answer.status < 300
            return fetched.answer.body if is_good else b""
        finally:
            self._pool.release(lease)

    async def aclose(self) -> None:
        tasks = [known.task for known in self._known.values() if known.task is not None]
        for task in tasks:
            task.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await asyncio.gather(*tasks, return_exceptions=True)
