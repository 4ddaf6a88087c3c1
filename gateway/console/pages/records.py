"""Show lists of rows, all in one form: search, a table, what may be done with a row, and the way to older ones."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

from django.conf import settings
from django.http import HttpRequest, HttpResponse

from gateway.console.pages.base import address, shown

ROWS = 50
TABS = (
    ("signins", "Sign-ins", "/console/signins/"),
    ("objects", "Stored objects", "/console/objects/"),
    ("federation", "Federation", "/console/federation/"),
    ("payments", "Payments", "/console/payments/"),
)


@dataclass(frozen=True, slots=True)
class Cell:
    """One field of a row: a text, and where it leads. `title`: told when one points at it."""

    text: str
    url: str = ""
    title: str = ""
    is_bad: bool = False


@dataclass(frozen=True, slots=True)
class Action:
    """A button of a row: a POST to `url`."""

    label: str
    url: str
    hook: str


@dataclass(frozen=True, slots=True)
class Row:
    """Cells in the order of the columns, and what may be done."""

    key: str
    cells: Sequence[Cell]
    actions: Sequence[Action] = ()


@dataclass(frozen=True, slots=True)
class Filter:
    """A field of the search; with choices one of them, "" being all."""

    name: str
    label: str
    choices: Sequence[str] = ()


@dataclass(slots=True)
class Listing:
    """A list and all that is around it."""

    here: str
    title: str
    path: str
    filters: Sequence[Filter]
    columns: Sequence[str]
    rows: list[Row] = field(default_factory=list)
    next_after: str = ""
    parts: Sequence[tuple[str, str, bool]] = ()
    """Lists beside this one on the same page: name, address, whether it is this one."""


def portion(found: Iterable[Any]) -> tuple[list[Any], bool]:
    """Return the rows of a page of what was asked for, one more than fit, and whether there are more."""
    rows = list(found)
    return rows[:ROWS], len(rows) > ROWS


def tabs(here: str) -> list[dict[str, Any]]:
    """Return the pages of records, without those of features that are off."""
    return [
        {"name": name, "title": title, "url": url, "is_here": name == here}
        for name, title, url in TABS
        if name != "payments" or settings.GATEWAY.MPP_ENABLE or here == name
    ]


def page_of(request: HttpRequest, asked: dict[str, str], listing: Listing, **more: Any) -> HttpResponse:
    """Return the page of a list."""
    context = {
        "asked": asked,
        "tabs": tabs(listing.here),
        "list": listing,
        "filters": [
            {
                "name": each.name,
                "label": each.label,
                "choices": each.choices,
                "value": asked.get(each.name, ""),
            }
            for each in listing.filters
        ],
        "has_actions": any(row.actions for row in listing.rows),
        "next": address(listing.path, asked, after=listing.next_after) if listing.next_after else "",
        "first": address(listing.path, asked, after="") if "after" in asked else "",
        **more,
    }
    return shown(request, "records/records", context)


def moment(at: datetime | float | None) -> Cell:
    """Return a time: day and minute, the exact one when one points at it."""
    if at is None:
        return Cell("–")
    known = at if isinstance(at, datetime) else datetime.fromtimestamp(at, UTC)
    known = known.astimezone(UTC)
    is_today = known.date() == datetime.now(UTC).date()
    return Cell(
        known.strftime("%H:%M" if is_today else "%d %b %Y %H:%M"), title=f"{known:%Y-%m-%dT%H:%M:%SZ}"
    )
