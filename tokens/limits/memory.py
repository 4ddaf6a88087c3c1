"""The ledger of one process: books in a dictionary. Nothing here ever waits."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from tokens.errors import BalancesUnknown, LimitExceeded
from tokens.limits.book import Book, period_of
from tokens.limits.calendar import Calendar
from tokens.limits.ledger import (
    Amount,
    Balance,
    Reservation,
    State,
    counted,
    currency_of,
)
from tokens.records import Limits, TokenRecord


class MemoryLedger:
    """Belongs to the event loop; `states` may be read from other threads (figures may then be a moment apart)."""

    def __init__(self, calendar: Calendar) -> None:
        self._calendar = calendar
        self._books: dict[str, Book] = {}

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

    def settle(self, reservation: Reservation, actual: Amount, now: float) -> None:
        if not reservation.is_open:
            return
        for limits, period, book in self._close(reservation):
            if book not in reservation.handles:
                book.add(actual, reservation.at)
                continue
            book.advance(now, limits, self._calendar)
            book.settle(reservation.estimate, actual, reservation.at, period, now)

    def give_back(self, reservation: Reservation, now: float) -> None:
        if not reservation.is_open:
            return
        for limits, period, book in self._close(reservation):
            if book not in reservation.handles:
                continue
            book.advance(now, limits, self._calendar)
            book.give_back(reservation.estimate, reservation.at, period)

    def _close(self, reservation: Reservation) -> Iterator[tuple[Limits, str, Book]]:
        """The books it was taken from, or what was opened in their place since."""
        reservation.is_open = False
        for limits, period in zip(reservation.sets, reservation.periods, strict=True):
            if (book := self._books.get(limits.ledger)) is not None:
                yield limits, period, book

    def forget(self, ledger: str) -> None:
        self._books.pop(ledger, None)

    async def states(self, sets: tuple[Limits, ...], now: float) -> tuple[State, ...]:
        found = ((limits, self._book(limits, now)) for limits in sets)
        return tuple(book.state(limits) for limits, book in found if book is not None)

    async def aclose(self) -> None:
        """Nothing is open."""

    def _book(self, limits: Limits, now: float) -> Book | None:
        """Up to date; None when its balance has to be read first."""
        book = self._books.get(limits.ledger)
        if book is None or not book.fits(limits):
            return None
        book.advance(now, limits, self._calendar)
        return book
