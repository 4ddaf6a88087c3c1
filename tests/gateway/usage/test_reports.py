from __future__ import annotations

from datetime import date, timedelta
from decimal import Decimal

import pytest

from gateway.usage import reports, services
from tests.gateway.usage.making import NOON, exchange
from tokens.models import Token

TODAY = date(2026, 9, 21)


@pytest.mark.parametrize(
    ("amount", "text"),
    [
        ("1.5000000000", "1.5"),
        ("100", "100"),
        ("0.0000000001", "0.0000000001"),
        ("3.0000000000", "3"),
        ("0E-10", "0"),
    ],
)
def test_money_keeps_its_digits(amount: str, text: str):
    assert reports.money(Decimal(amount)) == text


@pytest.mark.django_db
def test_tokens_are_shown_by_their_label_the_busiest_first():
    Token.objects.create(id="t-2", label="phone", issued_at=1, expires_at=2, signed_until=2, ledger_id="l")
    services.write([exchange(), exchange(token_id="t-2"), exchange(token_id="t-2", status=499)])
    tokens, accounts, models = reports.of_day(TODAY)
    assert [(line.name, line.requests, line.cancelled) for line in tokens.lines] == [
        ("phone", 2, 1),
        ("t-1", 1, 0),
    ]
    assert [line.requests for line in accounts.lines] == [3]
    assert [line.cached_tokens for line in models.lines] == [27]
    assert all(group.lines == [] for group in reports.of_day(TODAY + timedelta(days=1)))


@pytest.mark.django_db
def test_choices_are_what_was_lately_seen():
    services.write(
        [exchange(account="a"), exchange(account="b"), exchange(account="b"), exchange(account="")]
    )
    services.write([exchange(account="long ago", started_at=NOON - 40 * 86_400)])
    assert reports.values_seen(TODAY)["account"] == ["b", "a"]
