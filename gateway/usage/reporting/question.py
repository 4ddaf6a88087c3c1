"""Read what is asked of usage: the same words in queries, on the command line and on the page."""

from __future__ import annotations

import calendar
import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, timedelta

from gateway.kernel import asking
from gateway.kernel.asking import BadParameter

COLUMNS = {
    "person": "person",
    "token": "token_id",
    "group": "group",
    "model": "model",
    "account": "account",
    "provider": "provider",
    "surface": "surface",
    "day": "day",
}
"""What rows are summed by, and the columns of the daily sums."""
CHOSEN_BY = {**COLUMNS, "ledger": "ledger_id"}
"""What rows are chosen by: a token and those that it replaced share a ledger."""
FILTERS = tuple(name for name in COLUMNS if name != "day")
COUNTS = (
    "requests", "errors", "refused", "cancelled",
    "input_tokens", "cache_read_tokens", "cache_write_tokens", "output_tokens", "unpriced",
)  # fmt: skip
MONEY = ("cost", "currency")
MOST_GROUPS = 3
PERIODS = ("today", "yesterday", "7d", "30d")
USUAL_SORT = "-cost"

_MONTH = re.compile(r"([0-9]{4})-(0[1-9]|1[0-2])")


@dataclass(frozen=True, slots=True)
class Question:
    """A question about usage. `begins` and `ends`: UTC days, both included. `filters`: column and value."""

    begins: date
    ends: date
    by: tuple[str, ...] = ()
    filters: tuple[tuple[str, str], ...] = ()
    sort: str = USUAL_SORT
    currency: str = ""  # of what cost nothing; "" = to be found out

    @property
    def names(self) -> tuple[str, ...]:
        """Return the columns that say what a row is about; a token brings its label."""
        found = list(self.by)
        if "token" in found:
            found.insert(found.index("token") + 1, "token_label")
        return tuple(found)

    @property
    def columns(self) -> tuple[str, ...]:
        """Return all columns, in the order of every answer."""
        return (*self.names, *COUNTS, *MONEY)

    @property
    def sorted_by(self) -> str:
        return self.sort.removeprefix("-")

    @property
    def is_falling(self) -> bool:
        return self.sort.startswith("-")


def read(given: Mapping[str, str], today: date) -> Question:
    """Read a question from words by name; an empty one asks for nothing. Raises `BadParameter`."""
    begins, ends = _period(given, today)
    by = tuple(filter(None, given.get("by", "").split(",")))
    for place, name in enumerate(by):
        if name not in COLUMNS or name in by[:place]:
            raise BadParameter("by", f"must be up to {MOST_GROUPS} of {', '.join(COLUMNS)}, each once")
    if len(by) > MOST_GROUPS:
        raise BadParameter("by", f"must be at most {MOST_GROUPS}")
    filters = tuple((name, asking.text(name, given[name])) for name in FILTERS if given.get(name))
    question = Question(begins, ends, by, filters, given.get("sort") or USUAL_SORT)
    if question.sorted_by not in question.columns:
        raise BadParameter(
            "sort", f"must be one of {', '.join(question.columns)}, with - in front for falling"
        )
    return question


def _period(given: Mapping[str, str], today: date) -> tuple[date, date]:
    has_days = bool(given.get("from") or given.get("to"))
    period, month = given.get("period", ""), given.get("month", "")
    if has_days + bool(period) + bool(month) > 1:
        raise BadParameter("period" if period else "month", "can't be given beside another period")
    if period:
        return _named(period, today)
    if not has_days:
        return _month(month, today)
    ends = asking.day("to", given["to"]) if given.get("to") else today
    begins = asking.day("from", given["from"]) if given.get("from") else ends.replace(day=1)
    if begins > ends:
        raise BadParameter("from", f"must not be after {ends}")
    return begins, ends


def _named(period: str, today: date) -> tuple[date, date]:
    if period not in PERIODS:
        raise BadParameter("period", f"must be one of {', '.join(PERIODS)}")
    if period == "yesterday":
        yesterday = today - timedelta(days=1)
        return yesterday, yesterday
    days = 1 if period == "today" else int(period.removesuffix("d"))
    return today - timedelta(days=days - 1), today


def _month(month: str, today: date) -> tuple[date, date]:
    """Return the days of a month; of today's, where none is named."""
    year, number = today.year, today.month
    if month:
        found = _MONTH.fullmatch(month)
        if found is None or found[1] == "0000":
            raise BadParameter("month", "must be a month such as 2026-11")
        year, number = int(found[1]), int(found[2])
    return date(year, number, 1), date(year, number, calendar.monthrange(year, number)[1])
