from __future__ import annotations

from decimal import Decimal

import pytest

from gateway.exchange.exchange import Refusal, Try
from gateway.models import ExchangeRow
from gateway.usage.prices.table import Price
from gateway.usage.requests import presenting
from providers.dialects.types import Usage
from tests.gateway.usage.requests.making import call

pytestmark = pytest.mark.django_db
PRICE = Price("claude-x", Decimal(3), Decimal(15), cache_read=Decimal("0.3"))


def row(**values: object) -> ExchangeRow:
    return ExchangeRow.objects.get(pk=call(**values))


def test_a_call_of_a_list() -> None:
    made = row(person="ann@example.org", group="red", cost=Decimal("0.0100000000"))
    shown = presenting.shown(made)
    assert list(shown)[:7] == ["id", "started_at", "person", "token", "token_label", "group", "surface"]
    assert (shown["person"], shown["token"], shown["cost"], shown["currency"]) == (
        "ann@example.org",
        "t-1",
        "0.01",
        "USD",
    )
    assert (shown["cache_write_tokens"], shown["upstream_error"], shown["is_rehearsal"]) == (7, None, False)
    assert presenting.shown(row(cost=None, currency=""))["cost"] is None


def test_the_upstreams_words_and_what_was_tried() -> None:
    tries = (
        Try("anthropic", "a", 529, "overloaded_error: busy", 0.5),
        Try("other", "", None, "no answer", 1.5),
    )
    made = row(upstream_refusal=Refusal("overloaded_error", "busy"), tries=tries, status=502)
    assert presenting.shown(made)["upstream_error"] == {"type": "overloaded_error", "message": "busy"}
    assert presenting.tried(made)[1] == {
        "provider": "other", "account": "", "status": None, "reason": "no answer", "seconds": 1.5,
    }  # fmt: skip
    assert presenting.tried(row(attempts=0, is_refusal=True)) == []
    [served] = presenting.tried(row())
    assert (served["account"], served["status"], served["reason"]) == ("primary", 200, "served")


def test_no_secret_is_in_an_upstreams_words() -> None:
    secret = "sk-ant-api03-abcdefghijklmnop"
    words = f"bad key {secret}\x1b[31m\nat https://u:hunter2secret@host"
    made = row(upstream_refusal=Refusal("x", words), tries=(Try("p", "a", 401, words, 0.1),), status=401)
    assert secret not in made.details and "hunter2secret" not in made.details
    message = presenting.shown(made)["upstream_error"]["message"]
    assert "[redacted]" in message and message.isprintable()
    assert len(presenting.shown(row(upstream_refusal=Refusal("x", "y" * 900), tries=made_tries(), status=400))
               ["upstream_error"]["message"]) == 500  # fmt: skip


def made_tries() -> tuple[Try, ...]:
    return (Try("p", "a", 400, "r", 0.1),)


def test_a_price_taken_apart_adds_up_to_the_cost() -> None:
    usage = Usage(1000, 2000, 0, 0, 500)
    cost = Decimal("0.0111")
    lines = presenting.price(row(usage=usage, cost=cost), PRICE)
    assert [(line["what"], line["tokens"], line["per_million"], line["cost"]) for line in lines] == [
        ("input", 1000, "3", "0.003"),
        ("cache read", 2000, "0.3", "0.0006"),
        ("output", 500, "15", "0.0075"),
    ]
    fast = presenting.price(row(usage=Usage(1000, modes=("fast",)), cost=Decimal("0.018")), PRICE)
    assert fast[-1] == {
        "what": "multiples of the price: fast",
        "tokens": None,
        "per_million": None,
        "cost": "0.015",
    }
    searched = presenting.price(row(usage=Usage(1000, web_searches=3), cost=Decimal("0.033")), PRICE)
    assert (searched[-1]["what"], searched[-1]["cost"]) == ("web searches", "0.03")
    changed = presenting.price(row(usage=Usage(1000), cost=Decimal("0.002")), PRICE)
    assert changed[-1]["cost"] == "-0.001" and "changed since" in changed[-1]["what"]


def test_without_a_price_there_are_tokens_alone() -> None:
    lines = presenting.price(row(usage=Usage(1000), cost=None, currency=""), None)
    assert lines == [{"what": "input", "tokens": 1000, "per_million": None, "cost": None}]
