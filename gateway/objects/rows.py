"""Read and write the table of stored objects. Sync, ORM; the store calls it from a thread of its own."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime

from django.db import transaction
from django.db.models import Q

from gateway.models import StoredObjectRow
from gateway.objects.records import MAX_DOCUMENT_BYTES, StoredObject

IDS_TOGETHER = 500
"""Names in one question: some builds of SQLite take no more than 999."""


@dataclass(frozen=True, slots=True)
class Page:
    """A part of a list, newest first."""

    objects: tuple[StoredObject, ...]
    has_more: bool


def find(ids: Collection[str], now: float) -> dict[str, StoredObject]:
    """Return those of the ids that are known and not over."""
    found: dict[str, StoredObject] = {}
    named = list(ids)
    for start in range(0, len(named), IDS_TOGETHER):
        rows = StoredObjectRow.objects.filter(_is_living(now), pk__in=named[start : start + IDS_TOGETHER])
        found.update((row.id, _of(row)) for row in rows.defer("document"))
    return found


def write(objects: Iterable[StoredObject]) -> set[str]:
    """Add objects, or renew what is told of those that are their owner's already.

    Return the ids that are another's: nobody takes those over.
    """
    by_id = {one.id: one for one in objects}
    rows = [_row(one) for one in by_id.values()]
    with transaction.atomic():
        StoredObjectRow.objects.bulk_create(rows, ignore_conflicts=True, batch_size=50)
        known = list(StoredObjectRow.objects.filter(pk__in=list(by_id)).defer("document"))
        for row in known:
            if row.owner == by_id[row.id].owner:
                _renew(row, by_id[row.id])
    return {row.id for row in known if row.owner != by_id[row.id].owner}


def _renew(row: StoredObjectRow, told: StoredObject) -> None:
    """Bring a row up to date that was there before."""
    changes: dict[str, object] = {}
    if (row.provider, row.account) != (told.provider, told.account):
        changes.update(provider=told.provider, account=told.account)
    if _moment(told.expires_at) != row.expires_at:
        changes["expires_at"] = _moment(told.expires_at)
    if told.tokens and told.tokens != row.tokens:
        changes["tokens"] = told.tokens
    if told.document:
        changes["document"] = _kept(told.document)
    if changes:
        StoredObjectRow.objects.filter(pk=row.pk).update(**changes)


def describe(documents: Mapping[str, str]) -> None:
    """Keep what the upstream says of objects now. Ids that are not known are passed by."""
    with transaction.atomic():
        for pk, document in sorted(documents.items()):
            StoredObjectRow.objects.filter(pk=pk).update(document=_kept(document))


def delete(ids: Collection[str]) -> None:
    StoredObjectRow.objects.filter(pk__in=list(ids)).delete()


def prune(now: float, limit: int) -> int:
    """Delete at most `limit` rows whose time is over; return how many went."""
    over = StoredObjectRow.objects.filter(expires_at__lt=_moment(now)).order_by("expires_at")
    ids = list(over.values_list("pk", flat=True)[:limit])
    if ids:
        delete(ids)
    return len(ids)


@dataclass(frozen=True, slots=True)
class Wanted:
    """One part of one list."""

    owner: str
    kind: str
    limit: int
    after: str | None = None  # ids, as the vendor's lists take them
    before: str | None = None


def page(wanted: Wanted, now: float) -> Page | None:
    """Return a part of an owner's objects of one kind; None when the id to go on from is not theirs."""
    rows = StoredObjectRow.objects.filter(_is_living(now), owner=wanted.owner, kind=wanted.kind)
    mark = wanted.after if wanted.after is not None else wanted.before
    is_backwards = wanted.after is None and wanted.before is not None
    if mark is not None:
        place = rows.filter(pk=mark).values_list("made_at", "pk").first()
        if place is None:
            return None
        at, pk = place
        rows = (
            rows.filter(Q(made_at__gt=at) | Q(made_at=at, pk__gt=pk))
            if is_backwards
            else rows.filter(Q(made_at__lt=at) | Q(made_at=at, pk__lt=pk))
        )
    order = ("made_at", "pk") if is_backwards else ("-made_at", "-pk")
    found = [_of(row, row.document) for row in rows.order_by(*order)[: wanted.limit + 1]]
    has_more, found = len(found) > wanted.limit, found[: wanted.limit]
    if is_backwards:
        found.reverse()
    return Page(tuple(found), has_more)


def _is_living(now: float) -> Q:
    return Q(expires_at__isnull=True) | Q(expires_at__gte=_moment(now))


def _moment(at: float | None) -> datetime | None:
    return None if at is None else datetime.fromtimestamp(at, UTC)


def _kept(document: str) -> str:
    return document if len(document.encode("utf-8", "replace")) <= MAX_DOCUMENT_BYTES else ""


def _row(one: StoredObject) -> StoredObjectRow:
    return StoredObjectRow(
        id=one.id,
        kind=one.kind,
        provider=one.provider,
        account=one.account,
        token_id=one.token_id,
        owner=one.owner,
        made_at=datetime.fromtimestamp(one.made_at, UTC),
        expires_at=_moment(one.expires_at),
        tokens=one.tokens,
        document=_kept(one.document),
    )


def _of(row: StoredObjectRow, document: str = "") -> StoredObject:
    return StoredObject(
        id=row.id,
        kind=row.kind,
        provider=row.provider,
        account=row.account,
        token_id=row.token_id,
        owner=row.owner,
        made_at=row.made_at.timestamp(),
        expires_at=None if row.expires_at is None else row.expires_at.timestamp(),
        tokens=row.tokens,
        document=document,
    )
