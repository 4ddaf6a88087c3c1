"""Ledger of one process: books in a dictionary. Nothing here ever waits."""

from __future__ import annotations

import uuid
from collections.abc import Iterable, Iterator, Mapping
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
    counted,
    currency_of,
)
from tokens.limits.shares import tell_crossed
from tokens.records import Limits, TokenRecord


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
        sets = counted(record)
        found = [self._book(limits, now) for limits in sets]
        if unknown := tuple(limits for limits, book in zip(sets, found, strict=True) if book is None):
            raise BalancesUnknown(unknown)
        books = [book for book in found if book is not None]
        try:
            for limits, book in zip(sets, books, strict=True):
                book.check(limits, estimate, now)
        except LimitExceeded as refusal:
            refusal.states = tuple(book.state(limits) for limits, book in zip(sets, books, strict=True))
            raise
        for book in books:
            book.take(estimate, now)
        return Reservation(
            id=str(note.get("id", "")),
            sets=sets,
            estimate=estimate,
            at=now,
            periods=tuple(book.period_name for book in books),
            states=tuple(book.state(limits) for limits, book in zip(sets, books, strict=True)),
            note=note,
            handles=tuple(books),
        )

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
        taken = list(zip(reservation.sets, reservation.periods, reservation.handles, strict=True))
        books = [(limits, period, book) for limits, period, book in taken if isinstance(book, Book)]
        for limits, _, book in books:
            book.advance(now, limits, self._calendar)
        if not all(book.has_room(limits, extra, period) for limits, period, book in books):
            return False
        for _, period, book in books:
            book.extend(extra, period)
        reservation.estimate = replace(reservation.estimate, cost=reservation.estimate.cost + extra)
        return True

    def settle(self, reservation: Reservation, actual: Amount, now: float) -> None:
        if not reservation.is_open:
            return
        for limits, period, book in self._close(reservation):
            if book not in reservation.handles:
                before = book.spent
                book.add(actual, reservation.at)
            else:
                book.advance(now, limits, self._calendar)
                before = book.spent
                book.settle(reservation.estimate, actual, reservation.at, period, now)
            if limits.budget is not None:
                tell_crossed(limits, before, book.spent)

    def give_back(self, reservation: Reservation, now: float) -> None:
        if not reservation.is_open:
            return
        for limits, period, book in self._close(reservation):
            if book not in reservation.handles:
                continue
            book.advance(now, limits, self._calendar)
            book.give_back(reservation.estimate, reservation.at, period)

    def _close(self, reservation: Reservation) -> Iterator[tuple[Limits, str, Book]]:
        """Close a reservation; yield the books it was taken from, or what was opened in their place since."""
        reservation.is_open = False
        for limits, period in zip(reservation.sets, reservation.periods, strict=True):
            if (book := self._books.get(limits.ledger)) is not None:
                yield limits, period, book

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
        found = ((limits, self._book(limits, now)) for limits in sets)
        return tuple(book.state(limits) for limits, book in found if book is not None)

    async def aclose(self) -> None:
        """Do nothing: nothing is open."""

    def _book(self, limits: Limits, now: float) -> Book | None:
        """Return a set's book, up to date; None when its balance has to be read first."""
        book = self._books.get(limits.ledger)
        if book is None or not book.fits(limits):
            return None
        book.advance(now, limits, self._calendar)
        return book
