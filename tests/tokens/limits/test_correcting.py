"""Corrections of what is spent, on both ledgers: once, for the books they are for."""

from __future__ import annotations

from decimal import Decimal

import pytest

from tests.tokens.limits.kinds import START, Subject, amount, record
from tokens.limits.correcting import Correction, Corrector, RedisCorrector
from tokens.limits.ledger import Balance
from tokens.limits.memory import MemoryLedger
from tokens.records import Limits

OWN = Limits("t", budget=Decimal(10), budget_period="day")
GROUP = Limits("group:1", name="g", budget=Decimal(100))
TOKEN = record(OWN, GROUP)


def corrector_of(subject: Subject) -> Corrector:
    ledger = subject.ledger
    if isinstance(ledger, MemoryLedger):
        return ledger
    assert subject.redis is not None
    return RedisCorrector(subject.redis)


def correct(subject: Subject, difference: str, marks: dict[str, str] | None = None, **more: object) -> None:
    corrector = corrector_of(subject)
    if marks is None:
        marks = subject.run(corrector.marks(["t", "group:1", "nobody"]))
    given = {"id": "b1", "marks": marks, "difference": Decimal(difference), "currency": "USD", "at": START}
    subject.run(corrector.correct(Correction(**given | more)))


@pytest.fixture
def charged(subject: Subject) -> Subject:
    subject.open(TOKEN)
    subject.settle(subject.reserve(TOKEN, amount(0, 0, "4")), amount(0, 0, "4"))
    return subject


@pytest.mark.parametrize(
    ("difference", "spent"), [("-3.0000000001", "0.9999999999"), ("2.5", "6.5"), ("-4", "0")]
)
def test_all_open_books_are_corrected(charged: Subject, difference: str, spent: str) -> None:
    correct(charged, difference)
    assert [charged.state(limits).spent for limits in (OWN, GROUP)] == [Decimal(spent)] * 2


def test_a_correction_counts_once(charged: Subject) -> None:
    correct(charged, "-1")
    correct(charged, "-1")
    assert charged.state(OWN).spent == 3
    correct(charged, "-1", id="b2")
    assert charged.state(OWN).spent == 2


def test_a_book_that_was_read_from_the_rows_since_is_left_alone(charged: Subject) -> None:
    marks = charged.run(corrector_of(charged).marks(["t", "group:1"]))
    charged.forget("t")
    charged.open(record(OWN), Balance(spent=Decimal(1)))
    correct(charged, "-3", marks)
    assert (charged.state(OWN).spent, charged.state(GROUP).spent) == (1, 1)


def test_another_currency_and_a_period_that_began_later_are_not_meant(charged: Subject) -> None:
    correct(charged, "-1", currency="EUR")
    assert charged.state(OWN).spent == 4
    charged.now += 86_400
    assert charged.state(OWN).spent == 0
    correct(charged, "-1", id="b2")
    assert (charged.state(OWN).spent, charged.state(GROUP).spent) == (0, 3)


def test_books_that_are_not_open_have_no_mark(subject: Subject) -> None:
    assert subject.run(corrector_of(subject).marks(["t"])) == {}
    correct(subject, "-1")
