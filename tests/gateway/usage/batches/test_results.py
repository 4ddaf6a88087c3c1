"""Results of batches in any split: what they have used, by model, at the batch price."""

from __future__ import annotations

import json
from decimal import Decimal
from typing import Any

import pytest

from gateway.usage.batches import results
from gateway.usage.batches.results import Bill, TooLong
from gateway.usage.prices.table import Price, PriceTable

TABLE = PriceTable([Price("claude-x", Decimal(2), Decimal(10)), Price("claude-y", Decimal(1), Decimal(4))])


def line(model: str = "claude-x", kind: str = "succeeded", **usage: Any) -> bytes:
    message = {"model": model, "usage": {"input_tokens": 100, "output_tokens": 10, **usage}}
    result = {"type": kind, "message": message} if kind == "succeeded" else {"type": kind}
    return json.dumps({"custom_id": "a", "result": result}).encode() + b"\n"


def bill_of(data: bytes, size: int) -> Bill:
    bill = Bill(TABLE, "p")
    for at in range(0, len(data), size):
        bill.feed(data[at : at + size])
    bill.finish()
    return bill


@pytest.mark.parametrize("size", [1, 7, 1000])
def test_calls_are_added_up_by_model(size: int) -> None:
    data = line() + line("claude-y", service_tier="batch") + line(kind="errored") + line().rstrip()
    bill = bill_of(data, size)
    x, y = bill.totals["claude-x"], bill.totals["claude-y"]
    assert (x.usage.input_tokens, x.usage.output_tokens, x.cost, x.currency) == (
        200,
        20,
        Decimal("0.0003"),
        "USD",
    )
    assert y.cost == Decimal("0.00007") and set(bill.totals) == {"claude-x", "claude-y"}
    assert bill.unreadable == 0


def test_searches_and_modes_are_priced_and_caches_counted() -> None:
    usage = {
        "server_tool_use": {"web_search_requests": 2},
        "inference_geo": "us",
        "cache_read_input_tokens": 5,
    }
    total = bill_of(line(**usage), 99).totals["claude-x"]
    # (100 × 2 + 5 × 2 + 10 × 10) / 1e6, half for the batch, a tenth more for the region, and two searches
    assert total.cost == Decimal("0.0001705") + Decimal("0.02")
    assert total.usage.cache_read_tokens == 5


def test_a_model_without_a_price_has_no_cost_and_wild_counts_are_tamed() -> None:
    bill = bill_of(line("strange") + line(input_tokens=-5, output_tokens=10**18), 50)
    assert bill.totals["strange"].cost is None
    assert bill.totals["claude-x"].usage.input_tokens == 0
    assert bill.totals["claude-x"].usage.output_tokens == 10**12


def test_lines_that_can_not_be_read_are_counted_and_passed_by(monkeypatch: pytest.MonkeyPatch) -> None:
    bill = bill_of(b"nonsense\n\n" + line() + b"[]\n" + b'{"result": {"message": {}}}\n', 11)
    assert (bill.unreadable, bill.totals["claude-x"].usage.input_tokens) == (2, 100)
    monkeypatch.setattr(results, "MAX_LINE_BYTES", 100)
    with pytest.raises(TooLong):
        bill_of(b"x" * 200, 50)
