"""Keep tenants' objects apart, and lead each call to the account that holds what it names.

Only with `STORED_OBJECTS=own`: an object that the table does not know, or that is another token's, is not there.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, MutableSequence, Sequence

import msgspec

from gateway.exchange.context import CallContext, Place
from gateway.exchange.downstream import Request
from gateway.exchange.exchange import CLIENT_LEFT, Exchange
from gateway.exchange.surfaces import EXTRA
from gateway.exchange.taps import Tap
from gateway.kernel.redaction import redact
from gateway.objects import naming, paths
from gateway.objects.describing import DescribingTap
from gateway.objects.lists import list_of
from gateway.objects.naming import Named
from gateway.objects.records import Kind, StoredObject, credit_id
from gateway.objects.store import ObjectStore
from providers.catalog.records import Route
from providers.dialects.table import DIALECTS
from providers.dialects.types import Failure, FailureKind, Made, Refused, WireAnswer
from providers.translation.pairs.stored_object import StoredObjectPassthrough

KEPT_SECONDS = {
    Kind.CONTAINER: 30 * 86_400.0,
    Kind.RESPONSE: 60 * 86_400.0,
    Kind.ITEM: 60 * 86_400.0,
    Kind.CREDIT: 600.0,
}
"""Rows of what vendors themselves forget sooner; others stay until they are deleted."""
THREAD_SECONDS = 3600.0
"""The vendor keeps a thread for five minutes after it was last used."""
NativeRoutes = Callable[[str], Sequence[Route]]
"""Routes to a provider's own paths. Raises what the catalog raises."""


class Objects:
    """Stored objects as the relay meets them. `base_of` says how a caller reaches us: scheme and host."""

    def __init__(
        self,
        store: ObjectStore,
        base_of: Callable[[Request], str],
        native_routes: NativeRoutes,
        clock: Callable[[], float] = time.time,
    ) -> None:
        self.store = store
        self._base_of = base_of
        self._native_routes = native_routes
        self._clock = clock

    async def start(self) -> None:
        """Do nothing: the store asks when it is asked."""

    async def aclose(self) -> None:
        """Write what is not written yet."""
        await self.store.aclose()

    @staticmethod
    def lists(context: CallContext) -> bool:
        """Tell whether the call asks for a list of objects."""
        return context.surface.name == EXTRA and paths.read(context.call.method, context.call.path).is_list

    async def list(self, context: CallContext) -> WireAnswer:
        """Return the list that the call asks for, of the caller's own objects."""
        call = context.call
        kind, owner = paths.read(call.method, call.path).kind, context.token.ledger_id
        return await list_of(kind, owner, call.query, self._base(context), self.store.page)

    async def placed(
        self, context: CallContext, routes: Sequence[Route]
    ) -> tuple[CallContext, Sequence[Route]]:
        """Return the call bound to where its objects live, and the routes that lead there.

        Raises `Refused`: an object is not there, or no route leads to all of them.
        """
        if context.surface.name == EXTRA:
            return await self._placed_by_path(context, routes)
        dialect = DIALECTS[context.surface.dialect].pair
        names = naming.named(dialect, context.call.body)
        if not names:
            return context, routes
        found = await self._find(context, names)
        translated = [route for route in routes if route.dialect != dialect]
        missing = next((one for one in names if one.id not in found), None)
        if missing is not None:
            if not translated:
                raise _not_there(missing)
            return context, translated
        place = _place_of(names, found)
        there = [r for r in routes if r.dialect == dialect and r.provider.name == place.provider]
        if not there and not translated:
            raise _elsewhere(names[0], place)
        return msgspec.structs.replace(context, place=place), there or translated

    async def _placed_by_path(
        self, context: CallContext, routes: Sequence[Route]
    ) -> tuple[CallContext, Sequence[Route]]:
        call = context.call
        asked = paths.read(call.method, call.path)
        names: Sequence[Named] = ()
        if asked.id is not None and not asked.is_vendors_own:
            names = (Named(asked.id, asked.kind, ""),)
        elif asked.makes and asked.kind == Kind.BATCH:
            names = naming.batch(call.body)
        if not names:
            return context, routes
        found = await self._find(context, names)
        missing = next((one for one in names if one.id not in found), None)
        if missing is not None:
            raise _not_there(missing)
        place = msgspec.structs.replace(_place_of(names, found), is_fetched=asked.id is not None)
        if all(route.provider.name != place.provider for route in routes):
            routes = self._native_routes(place.provider)
        return msgspec.structs.replace(context, place=place), routes

    async def place_of(self, context: CallContext, name: str, kind: Kind) -> Place | None:
        """Return where the caller's object of this name lives; None when there is none."""
        found = await self._find(context, (Named(name, kind, ""),))
        one = found.get(name)
        return None if one is None else Place(one.provider, one.account, is_fetched=True)

    async def _find(self, context: CallContext, names: Iterable[Named]) -> dict[str, StoredObject]:
        """Return those of the objects that the caller may name."""
        token = context.token
        wanted = {one.id: one.kind for one in names}
        found = await self.store.find(wanted)
        return {
            name: one
            for name, one in found.items()
            if one.owner == token.ledger_id
            and one.kind == wanted[name]
            and token.provider in (None, one.provider)
            and token.account in (None, one.account)
        }

    def watching(self, context: CallContext) -> StoredObjectPassthrough:
        """Return what passes the answer about an object on, so that it is remembered before it leaves."""
        return StoredObjectPassthrough(self._base(context))

    def tap(self, context: CallContext) -> Tap:
        """Return who remembers the object that a path's answer tells of."""
        asked = paths.read(context.call.method, context.call.path)

        def made(name: str, document: str) -> StoredObject:
            return self._object(context, name, asked.kind, document)

        return DescribingTap(self.store, asked, made)

    async def keep(self, context: CallContext, made: MutableSequence[Made]) -> None:
        """Remember what the answer that is passing has made, and empty the list."""
        told, made[:] = tuple(made), ()
        await self.store.put(*(self._object(context, _id_of(one), one.kind) for one in told))

    def note_thread(self, exchange: Exchange, message_id: str | None) -> None:
        """Remember where the thread lives that an answer has gone on with, and how large it is now."""
        if message_id is None or (exchange.status >= 400 and exchange.status != CLIENT_LEFT):
            return
        now, usage = self._clock(), exchange.usage
        written = usage.cache_write_5m_tokens + usage.cache_write_1h_tokens
        thread = StoredObject(
            id=message_id,
            kind=Kind.THREAD,
            provider=exchange.provider,
            account=exchange.account,
            token_id=exchange.token_id,
            owner=exchange.ledger_id,
            made_at=now,
            expires_at=now + THREAD_SECONDS,
            tokens=usage.input_tokens + usage.cache_read_tokens + written + usage.output_tokens,
        )
        self.store.note(thread)

    def _object(self, context: CallContext, name: str, kind: str, document: str = "") -> StoredObject:
        exchange, now = context.exchange, self._clock()
        kept = KEPT_SECONDS.get(Kind(kind)) if kind in set(Kind) else None
        return StoredObject(
            id=name,
            kind=kind,
            provider=exchange.provider,
            account=exchange.account,
            token_id=exchange.token_id,
            owner=context.token.ledger_id,
            made_at=now,
            expires_at=None if kept is None else now + kept,
            document=document,
        )

    def _base(self, context: CallContext) -> str:
        """Return the caller's way to us, with the prefix that its path had before the one of the surface."""
        raw = context.request.raw_path
        prefix = raw[: len(raw) - len(context.path)] if raw.endswith(context.path) else b""
        return self._base_of(context.request) + prefix.decode("latin-1")


def thread_not_found(message_id: str) -> Refused:
    """Return the refusal upon which clients send the whole conversation again."""
    message = f"thread: no thread with the message {redact(message_id)} is here"
    field = "thread.previous_message_id"
    return Refused(Failure(FailureKind.NOT_FOUND, message, param=field, code="thread_not_found"))


def _place_of(names: Sequence[Named], found: dict[str, StoredObject]) -> Place:
    """Return the one place of them all. Raises `Refused` when there are several."""
    first = found[names[0].id]
    for one in names[1:]:
        other = found[one.id]
        if (other.provider, other.account) != (first.provider, first.account):
            message = f"{one.field}: {redact(one.id)} lives at another account than {redact(names[0].id)}"
            raise Refused(Failure(FailureKind.INVALID_REQUEST, message, param=one.field))
    return Place(first.provider, first.account, max(found[one.id].tokens for one in names))


def _id_of(made: Made) -> str:
    return credit_id(made.id) if made.kind == Kind.CREDIT else made.id


def _not_there(named: Named) -> Refused:
    if named.kind == Kind.CREDIT:
        message = f"{named.field}: no refusal of the last minutes has given this token"
        return Refused(Failure(FailureKind.INVALID_REQUEST, message, param=named.field))
    if named.kind == Kind.THREAD:
        return thread_not_found(named.id)
    if named.kind == Kind.RESPONSE:
        message = f"Previous response with id '{redact(named.id)}' not found."
        code = "previous_response_not_found"
        return Refused(Failure(FailureKind.NOT_FOUND, message, param=named.field, code=code))
    prefix = f"{named.field}: " if named.field else ""
    return Refused(
        Failure(FailureKind.NOT_FOUND, f"{prefix}{redact(named.id)} was not found", param=named.field or None)
    )


def _elsewhere(named: Named, place: Place) -> Refused:
    message = f"{named.field}: {redact(named.id)} lives at {place.provider}, which does not serve this model"
    return Refused(Failure(FailureKind.INVALID_REQUEST, message, param=named.field))
