"""What the calls of a batch may cost, and which fields that needs."""

from __future__ import annotations

import json
from decimal import Decimal
from typing import Any

import pytest

from gateway.usage.batches import requests
from gateway.usage.batches.requests import QUICK_BYTES, Terms
from gateway.usage.prices.table import Price, PriceTable
from providers.dialects.types import Call, Refused
from tokens.records import Needs

TABLE = PriceTable(
    [
        Price("claude-x", Decimal(2), Decimal(10), max_output=1000),
        Price("claude-open", Decimal(2), Decimal(10)),
        Price("claude-euro", Decimal(2), Decimal(10), currency="EUR"),
    ]
)
MONEY = Needs(has_input=False, has_output=False, currencies=frozenset({"USD"}), has_money=True, is_any=True)
MINUTES = Needs(has_input=True, has_output=True, currencies=frozenset(), has_money=False, is_any=True)


def body_of(*params: Any) -> bytes:
    return json.dumps(
        {"requests": [{"custom_id": str(n), "params": one} for n, one in enumerate(params)]}
    ).encode()


def params(model: str = "claude-x", text: str = "hi", **more: Any) -> dict[str, Any]:
    return {"model": model, "max_tokens": 100, "messages": [{"role": "user", "content": text}], **more}


async def upper(body: bytes, needs: Needs = MONEY, **terms: Any) -> requests.Estimate:
    given = {"providers": ["p"], "prices": TABLE, "refuses": True} | terms
    return await requests.upper(body, needs, Terms(**given))


async def test_every_call_counts_at_the_batch_price() -> None:
    one = await upper(body_of(params()))
    size = -(-len(json.dumps(params())) // 4)
    assert one.amount.cost == (Decimal(2 * size + 10 * 100) / 10**6) / 2 == one.least_cost
    assert (one.amount.input_tokens, one.amount.output_tokens) == (size, 100)
    three = await upper(body_of(*[params()] * 3))
    assert three.amount.cost == 3 * one.amount.cost


async def test_what_such_calls_write_is_held_instead_of_the_ceiling() -> None:
    held = await upper(body_of(params(max_tokens=100_000)), hold=lambda model, most: most // 10)
    whole = await upper(body_of(params(max_tokens=10_000)))
    assert abs(held.amount.cost - whole.amount.cost) < Decimal("0.00001")
    assert held.least_cost < held.amount.cost and held.amount.output_tokens == 100_000


async def test_a_large_batch_is_the_sum_of_its_calls_too() -> None:
    many = body_of(*[params(text="x" * 4000)] * 100)
    assert len(many) > QUICK_BYTES
    [one, all_of_them] = [await upper(body) for body in (body_of(params(text="x" * 4000)), many)]
    assert all_of_them.amount.cost == 100 * one.amount.cost


async def test_modes_that_cost_more_are_heard() -> None:
    plain, us = [await upper(body_of(params(**more))) for more in ({}, {"inference_geo": "us"})]
    assert us.amount.cost > plain.amount.cost * Decimal("1.09")


async def test_without_a_budget_no_price_is_needed() -> None:
    found = await upper(body_of(params("unknown"), params("unknown")), MINUTES)
    assert found.amount.cost == 0 and found.amount.output_tokens == 200


async def test_without_a_ceiling_the_models_own() -> None:
    bare = params()
    del bare["max_tokens"]
    assert (await upper(body_of(bare))).amount.output_tokens == 1000


@pytest.mark.parametrize(
    ("body", "field"),
    [
        (b"{}", "requests"),
        (b"nothing", "requests"),
        (b'{"requests": 3}', "requests"),
        (body_of({}), "requests.0.params.model"),
        (body_of(params(), params("unknown")), "requests.1.params.model"),
        (body_of(params("claude-euro")), "requests.0.params.model"),
        (body_of({"model": "claude-open"}), "requests.0.params.max_tokens"),
        (
            b'{"requests": [{"params": {"model": "claude-x", "max_tokens": 9, "max_tokens": 1}}]}',
            "requests.0.params.max_tokens",
        ),
    ],
)
async def test_what_can_not_be_estimated_is_named(body: bytes, field: str) -> None:
    with pytest.raises(Refused) as refused:
        await upper(body)
    assert refused.value.failure.param == field
    assert refused.value.failure.message.startswith(field + ":")


async def test_an_unknown_price_counts_nothing_where_that_is_wanted() -> None:
    assert (await upper(body_of(params("unknown")), refuses=False)).amount.cost == 0


def test_models_are_those_of_the_calls() -> None:
    assert list(requests.models_of(body_of(params("a"), params("b")))) == ["a", "b"]
    with pytest.raises(Refused):
        list(requests.models_of(body_of({"model": 3})))


@pytest.mark.parametrize(
    ("method", "path", "is_made", "is_about"),
    [
        ("POST", b"/v1/messages/batches", True, True),
        ("GET", b"/v1/messages/batches", False, True),
        ("POST", b"/v1/messages/batches/b/cancel", False, True),
        ("POST", b"/v1/files", False, False),
    ],
)
def test_which_calls_are_about_batches(method: str, path: bytes, is_made: bool, is_about: bool) -> None:
    call = Call("extra", method, path, b"", (), b"")
    assert (requests.is_made(call), requests.is_about(call)) == (is_made, is_about)
