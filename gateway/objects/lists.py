"""Write the list of a token's own objects in the form of the vendor's lists, from the table alone."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from urllib.parse import parse_qsl

import orjson

from gateway.objects.records import StoredObject
from gateway.objects.rows import Page, Wanted
from providers.dialects.mending import UNREADABLE
from providers.dialects.table import JSON
from providers.dialects.types import Failure, FailureKind, Refused, WireAnswer
from providers.translation.pairs.stored_object import with_results_url

DEFAULT_LIMIT, MOST = 20, 1000
AskForPage = Callable[[Wanted], Awaitable[Page | None]]


async def list_of(kind: str, owner: str, query: bytes, base: str, page_of: AskForPage) -> WireAnswer:
    """Return a part of the list. Raises `Refused` naming the parameter that is wrong."""
    given = dict(parse_qsl(query.decode("latin-1"), keep_blank_values=True))
    after = given.get("after_id") or given.get("page") or None
    before = given.get("before_id") or None
    if after is not None and before is not None:
        raise _bad("before_id", "only one of after_id and before_id may be given")
    wanted = Wanted(owner, kind, _limit(given.get("limit", "")), after, before)
    page = await page_of(wanted)
    if page is None:
        name = "before_id" if after is None else "after_id" if given.get("after_id") else "page"
        raise _bad(name, f"{(before or after or '')[:255]} was not found")
    ids = [one.id for one in page.objects]
    document = {
        "data": [orjson.Fragment(_shown(one, base)) for one in page.objects],
        "has_more": page.has_more,
        "first_id": ids[0] if ids else None,
        "last_id": ids[-1] if ids else None,
        "next_page": ids[-1] if ids and page.has_more and before is None else None,
    }
    return WireAnswer(200, JSON, orjson.dumps(document))


def _shown(one: StoredObject, base: str) -> bytes:
    """Return an object as its upstream last described it; by its id and kind where that is not known."""
    try:
        if one.document and isinstance(orjson.loads(one.document), dict):
            return with_results_url(one.document.encode(), base)
    except (*UNREADABLE, UnicodeEncodeError):
        pass
    return orjson.dumps({"id": one.id, "type": one.kind})


def _limit(told: str) -> int:
    if not told:
        return DEFAULT_LIMIT
    if not (told.isascii() and told.isdecimal() and 1 <= int(told[:9]) <= MOST):
        raise _bad("limit", f"must be a whole number from 1 to {MOST}")
    return int(told[:9])


def _bad(name: str, why: str) -> Refused:
    return Refused(Failure(FailureKind.INVALID_REQUEST, f"{name}: {why}", param=name))
