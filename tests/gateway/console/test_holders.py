"""Who holds tokens, and what is spent of budgets."""

from __future__ import annotations

import time
from decimal import Decimal
from typing import Any

import pytest

from gateway.console import holders
from gateway.usage import services as usage
from gateway.usage.tidy import tidy
from tests.gateway.usage.making import exchange
from tests.principals import SOMEBODY
from tests.sign_ins import person
from tokens import services
from tokens.errors import TokenNotFound
from tokens.models import Token
from tokens.records import Limits

pytestmark = pytest.mark.django_db
P: dict[str, Any] = {"principal": SOMEBODY}


def spend(ledger: str, cost: str, *, at: float | None = None, currency: str = "USD") -> None:
    moment = time.time() if at is None else at
    made = exchange(
        started_at=moment, token_id=ledger, ledger_id=ledger, cost=Decimal(cost), currency=currency
    )
    usage.write([tidy(made)])


def limits(ledger: str, period: str = "never") -> Limits:
    return Limits(ledger, budget=Decimal(10), budget_currency="USD", budget_period=period)


def test_spending_is_read_from_the_days_of_each_period(django_assert_num_queries: Any) -> None:
    spend("a", "1.25")
    spend("a", "2", currency="EUR")
    spend("a", "4", at=time.time() - 40 * 86_400)
    spend("b", "3", at=time.time() - 40 * 86_400)
    asked = [limits("a"), limits("b", "month"), limits("c"), Limits("a-without-budget")]
    with django_assert_num_queries(1):
        assert holders.spent_of(asked) == {"a": Decimal("5.25")}
    with django_assert_num_queries(0):
        assert holders.spent_of([Limits("a")]) == {}


def test_a_budget_is_told_for_a_bar() -> None:
    told = holders.budget(limits("a"), {"a": Decimal("12.5")})
    assert told is not None
    assert (told["spent"], told["limit"], told["percent"], told["shown"], told["anew"]) == (
        "12.5",
        "10",
        125,
        100,
        "",
    )
    monthly = holders.budget(limits("a", "month"), {})
    assert monthly is not None and monthly["period"] == "a month" and monthly["anew"].startswith("until ")
    assert holders.budget(Limits("a"), {}) is None


def test_a_token_is_told_whatever_state_it_is_in() -> None:
    person("ann@example.org")
    made = services.issue(label="x", person="ann@example.org", **P).token
    services.revoke(made.id, **P)
    told = holders.of_token(made.id)
    assert (told["state"], told["person"], told["used"]) == ("revoked", "ann@example.org", "never")
    Token.objects.update(expires_at=2**60, issued_at=-5)
    assert holders.of_token(made.id)["ends"] == str(2**60)
    with pytest.raises(TokenNotFound):
        holders.of_token("none")


def test_people_are_found_by_address_or_name() -> None:
    person("ann@example.org")
    person("bob@example.org", name="Robert Ann")
    person("eve@example.org")
    assert [each["email"] for each in holders.page("ANN", "").people] == [
        "ann@example.org",
        "bob@example.org",
    ]
