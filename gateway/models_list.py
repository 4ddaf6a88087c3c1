"""`GET /v1/models`: what can be asked for with this token, in the shape of who asks.

Anthropic's own list passes untouched while there is nothing to add to it. Otherwise the lists of the providers, their
configured models and listed aliases are merged. Nobody waits long: lists are kept for minutes, the last known one
serves when a provider does not answer.
"""

from __future__ import annotations

import asyncio
import contextlib
import time
from collections.abc import Iterable
from dataclasses import dataclass, field, replace
from urllib.parse import parse_qs, unquote

import httpx
import orjson

from accounts.errors import PoolExhausted
from accounts.pool import Ask, Pool
from gateway.surfaces import HOSTILE, Surface
from providers.catalog import ANTHROPIC, Catalog, ProviderRecord, Want
from providers.dialects.table import JSON
from providers.dialects.types import Failure, FailureKind, Headers, Refused, WireAnswer, WireRequest, header
from providers.drivers.base import Outcome
from providers.errors import NoRoute, ProviderError, UnknownModel
from providers.listing import Model, in_anthropic_shape, in_openai_shape, read_models
from providers.registry import DRIVERS
from providers.upstream import Upstream
from tokens.records import TokenRecord

FRESH_SECONDS = 300.0
AFTER_FAILURE_SECONDS = 30.0
WAIT_SECONDS = 2.0
"""For all providers together: callers give up after three seconds."""
PLAIN_SECONDS = 2.8
FETCH_SECONDS = 10.0
MAX_LIST_BYTES = 8 * 1024 * 1024
DEFAULT_LIMIT, MAX_LIMIT = 20, 1000
OPENAI = "openai_chat"
PATH = b"/v1/models"


def in_callers_dialect(surface: Surface, headers: Headers) -> Surface:
    """The surface, speaking as the caller does: OpenAI's clients send neither of Anthropic's headers."""
    is_anthropic = (
        header(headers, b"anthropic-version") is not None or header(headers, b"x-api-key") is not None
    )
    return surface if is_anthropic else replace(surface, dialect=OPENAI)


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
    """For one event loop."""

    def __init__(self, catalog: Catalog, pool: Pool, transport: httpx.AsyncBaseTransport) -> None:
        self._catalog = catalog
        self._pool = pool
        self._transport = transport
        self._known: dict[tuple[str, str], Known] = {}

    def is_plain(self, surface: Surface, path: bytes, token: TokenRecord) -> bool:
        """Whether Anthropic's own answer is the right one, byte for byte."""
        view = self._catalog.view
        boot = view.boot.name if view.boot is not None else ""
        has_more = any(row.is_listed and not row.is_pattern for row in view.routes) or any(
            record.models or (record.kind != ANTHROPIC and record.name == boot)
            for record in view.providers.values()
        )
        is_free = not token.is_model_restricted and token.provider is None
        is_clean = b"/" not in path[len(PATH) + 1 :] and not HOSTILE.search(path)
        return surface.dialect != OPENAI and is_free and not has_more and is_clean

    async def answer(self, surface: Surface, path: bytes, query: bytes, token: TokenRecord) -> WireAnswer:
        """The merged list, a page of it, or one model. Raises `Refused`."""
        models = await self.merged(token)
        is_openai = surface.dialect == OPENAI
        if path == PATH:
            if is_openai:
                document: object = {"object": "list", "data": [in_openai_shape(one) for one in models]}
            else:
                document = page([in_anthropic_shape(one) for one in models], query)
            return WireAnswer(200, JSON, orjson.dumps(document))
        name = unquote(path[len(PATH) + 1 :].decode("latin-1"), errors="replace")
        found = next((one for one in models if one.id == name), None) or await self._unlisted(name, token)
        if found is None:
            message = f"The model `{name}` does not exist or you do not have access to it"
            raise Refused(Failure(FailureKind.NOT_FOUND, message, param="model", code="model_not_found"))
        shaped = in_openai_shape(found) if is_openai else in_anthropic_shape(found)
        return WireAnswer(200, JSON, orjson.dumps(shaped))

    async def merged(self, token: TokenRecord) -> list[Model]:
        """Every model that this token may ask for, each once. What is listed can be asked for."""
        view = self._catalog.view
        chosen = (token.provider, view.boot.name if view.boot is not None else "")
        await self._refresh(
            record
            for record in view.ordered()
            if record.kind == ANTHROPIC or (not record.models and record.name in chosen)
        )
        found: dict[str, Model] = {}
        for record in sorted(view.ordered(), key=lambda record: record.kind != ANTHROPIC):
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
        """Whether a call for this name goes to the provider that lists it, and the token may make it."""
        want = Want(ANTHROPIC, model, token.provider)
        try:
            first = self._catalog.routes(want)[0]
        except ProviderError:
            return False
        return first.provider.name == record.name and token.may_use_model(model)

    def _may(self, model: str, token: TokenRecord) -> bool:
        try:
            first = self._catalog.routes(Want(ANTHROPIC, model, token.provider))[0]
        except (NoRoute, UnknownModel):
            return False
        served = first.target.model or model
        return token.may_use_model(model) and token.may_use_model(served)

    async def _unlisted(self, name: str, token: TokenRecord) -> Model | None:
        """A short name that Anthropic knows but does not list."""
        if HOSTILE.search(name.encode()) or "/" in name or not self._may(name, token):
            return None
        record = self._catalog.routes(Want(ANTHROPIC, name, token.provider))[0].provider
        if record.kind != ANTHROPIC:
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
        """Asks those whose lists are old, all at once, and waits a little. Late answers serve the next caller."""
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
        query = b"limit=1000" if record.kind == ANTHROPIC else b""
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
        """The body of a good answer, else b"". Raises `PoolExhausted` and what the transport raises."""
        now = time.time()
        own = record.own_credential()
        lease = self._pool.choose(Ask(record.name, None, None, "", now, own=own, address=record.base_url))
        driver = DRIVERS[record.kind]
        upstream = Upstream(
            record.name, record.kind, record.base_url, lease.account, lease.credential, None, record.headers,
            lease.proxy,
        )  # fmt: skip
        wanted: Headers = ((b"accept", b"application/json"), (b"accept-encoding", b"identity"))
        request = driver.build(upstream, WireRequest("GET", path, query, wanted, b""))
        try:
            answer = await driver.transport(self._transport).handle_async_request(request)
            try:
                body = await _bounded(answer)
            finally:
                await answer.aclose()
            seen = WireAnswer(answer.status_code, tuple((k.lower(), v) for k, v in answer.headers.raw), body)
            verdict = driver.classify(seen, now)
            self._pool.report(lease, verdict)
            return body if verdict.outcome is Outcome.OK and seen.status < 300 else b""
        finally:
            lease.release()

    async def aclose(self) -> None:
        tasks = [known.task for known in self._known.values() if known.task is not None]
        for task in tasks:
            task.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await asyncio.gather(*tasks, return_exceptions=True)


async def _bounded(answer: httpx.Response) -> bytes:
    pieces, total = [], 0
    async for piece in answer.stream:  # type: ignore[union-attr]
        total += len(piece)
        if total > MAX_LIST_BYTES:
            raise httpx.RemoteProtocolError("the list is too large")
        pieces.append(piece)
    return b"".join(pieces)


def page(models: list[dict[str, object]], query: bytes) -> dict[str, object]:
    """Anthropic's pages: `limit`, `after_id`, `before_id`. Raises `Refused`."""
    asked = {name: values[-1] for name, values in parse_qs(query.decode("latin-1")).items()}
    raw = asked.get("limit", str(DEFAULT_LIMIT))
    if not (raw.isascii() and raw.isdigit()) or not 1 <= int(raw) <= MAX_LIMIT:
        message = f"limit: must be a whole number from 1 to {MAX_LIMIT}"
        raise Refused(Failure(FailureKind.INVALID_REQUEST, message, param="limit"))
    limit, ids = int(raw), [model["id"] for model in models]
    start, end = 0, len(models)
    if "after_id" in asked:
        start = _place("after_id", asked["after_id"], ids) + 1
    if "before_id" in asked:
        end = _place("before_id", asked["before_id"], ids)
        cut = models[max(start, end - limit) : end]
        has_more = end - limit > start
    else:
        cut = models[start : start + limit]
        has_more = start + limit < end
    return {
        "data": cut,
        "has_more": has_more,
        "first_id": cut[0]["id"] if cut else None,
        "last_id": cut[-1]["id"] if cut else None,
    }


def _place(name: str, value: str, ids: list[object]) -> int:
    if value not in ids:
        raise Refused(Failure(FailureKind.INVALID_REQUEST, f"{name}: there is no model {value}", param=name))
    return ids.index(value)
