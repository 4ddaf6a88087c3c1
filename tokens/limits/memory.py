"""Ledger of one process: books in a dictionary. Nothing here ever waits."""

from __future__ import annotations

import uuid
from collections.abc import Iterable, Mapping
from decimal import Decimal

from msgspec.structs import replace

from tokens.errors import BalancesUnknown, LimitExceeded
from tokens.limits.book import Book, period_of
from tokens.limits.calendar import Calendar
from tokens.limits.correcting import Correction
from tokens.limits.ledger import (
    Amount,
    Balance,
    Reservation,
    State,
)
from tokens.limits.shares import OF_PROCESS, tell_crossed
from tokens.records import Limits, TokenRecord, currency_of

Taken = list[tuple[Limits, Book, str]]
"""Handle of a reservation: the sets it was taken of, their books, and the periods of these."""


class MemoryLedger:
    """Ledger of one event loop. `states` may be read from other threads: figures may be a moment apart."""

    keeps_notes = False  # what dies with this process is found by nobody

    def __init__(self, calendar: Calendar) -> None:
        self._calendar = calendar
        self._books: dict[str, Book] = {}
        self._marks: dict[str, str] = {}  # of books, by ledger: another whenever the rows were read
        self._corrected: set[str] = set()

    async def reserve(
        self, record: TokenRecord, estimate: Amount, now: float, note: Mapping[str, object]
    ) -> Reservation:
        found = self._up_to_date(record.counted, now)
        try:
            for limits, book, _ in found:
                book.check(limits, estimate, now)
        except LimitExceeded as refusal:
            refusal.states = tuple([book.state(limits) for limits, book, _ in found])
            raise
        for _, book, _ in found:
            book.take(estimate, now)
        states = tuple([book.state(limits) for limits, book, _ in found]) if record.is_told else ()
        return Reservation(
            str(note.get("id", "")), record.counted, estimate, now, states, note, handles=found
        )

    def _up_to_date(self, sets: Iterable[Limits], now: float) -> Taken:
        """Return the sets, their books, and the periods of these.

        Raises `BalancesUnknown` for those whose balance has to be read first.
        """
        found: Taken = []
        books = self._books
        unknown: tuple[Limits, ...] = ()
        for limits in sets:
            book = books.get(limits.ledger)
            if book is None or not (limits is book.fitting or book.fits(limits)):
                unknown = (*unknown, limits)
                continue
            if now >= book.quiet_until:
                book.advance(now, limits, self._calendar)
            found.append((limits, book, book.period_name))
        if unknown:
            raise BalancesUnknown(unknown)
        return found

    async def seed(self, limits: Limits, balance: Balance, now: float) -> None:
        period = period_of(limits, self._calendar, now)
        book = self._books.get(limits.ledger)
        if book is None:
            self._books[limits.ledger] = Book(balance, period, period.named(currency_of(limits)))
        elif not book.fits(limits):
            book.rebase(balance, period, period.named(currency_of(limits)))
        else:
            return
        self._marks[limits.ledger] = uuid.uuid4().hex

    async def extend(self, reservation: Reservation, extra: Decimal, now: float) -> bool:
        if not reservation.is_open:
            return True
        taken: Taken = reservation.handles
        for limits, book, _ in taken:
            book.advance(now, limits, self._calendar)
        if not all(book.has_room(limits, extra, period) for limits, book, period in taken):
            return False
        for _, book, period in taken:
            book.extend(extra, period)
        reservation.estimate = replace(reservation.estimate, cost=reservation.estimate.cost + extra)
        return True

    def settle(self, reservation: Reservation, actual: Amount, now: float) -> None:
        if not reservation.is_open:
            return
        reservation.is_open = False
        taken: Taken = reservation.handles
        for limits, book, period in taken:
            known = self._books.get(limits.ledger)
            if known is None:
                continue
            if known is book:
                if now >= book.quiet_until:
                    book.advance(now, limits, self._calendar)
                before = book.spent
                book.settle(reservation.estimate, actual, reservation.at, period, now)
            else:  # opened in its place since
                before = known.spent
                known.add(actual, reservation.at)
            first = limits.alert_from  # of most calls this is all that is asked
            if first is not None and (known.spent >= first or OF_PROCESS.is_early):
                tell_crossed(limits, before, known.spent)

    def give_back(self, reservation: Reservation, now: float) -> None:
        if not reservation.is_open:
            return
        reservation.is_open = False
        taken: Taken = reservation.handles
        for limits, book, period in taken:
            if self._books.get(limits.ledger) is book:
                book.advance(now, limits, self._calendar)
                book.give_back(reservation.estimate, reservation.at, period)

    def forget(self, ledger: str) -> None:
        self._books.pop(ledger, None)
        self._marks.pop(ledger, None)

    async def marks(self, ledgers: Iterable[str]) -> dict[str, str]:
        return {ledger: self._marks[ledger] for ledger in ledgers if ledger in self._marks}

    async def correct(self, correction: Correction) -> None:
        if correction.id in self._corrected:
            return
        self._corrected.add(correction.id)
        for ledger, mark in correction.marks.items():
            if self._marks.get(ledger) == mark:
                self._books[ledger].correct(correction.difference, correction.currency, correction.at)

    async def states(self, sets: tuple[Limits, ...], now: float) -> tuple[State, ...]:
        books = self._books
        known = [each for each in sets if each.ledger in books and books[each.ledger].fits(each)]
        return tuple([book.state(limits) for limits, book, _ in self._up_to_date(known, now)])

    async def aclose(self) -> None:
        """Do nothing: nothing is open."""
