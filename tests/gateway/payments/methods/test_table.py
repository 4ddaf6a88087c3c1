"""Which method is built for which settings."""

from __future__ import annotations

from dataclasses import replace

from gateway.payments.methods.lightning import Lightning, LightningOptions
from gateway.payments.methods.rehearsal import TestMethod
from gateway.payments.methods.stripe import Stripe, StripeOptions
from gateway.payments.methods.table import build
from gateway.payments.methods.unverified import Unverified
from tests.gateway.payments.building import OPTIONS


async def test_methods_by_name_and_secret() -> None:
    assert list(build(replace(OPTIONS, methods=()))) == ["none"]
    without = build(replace(OPTIONS, methods=("lightning", "stripe", "test")))
    assert list(without) == ["lightning", "stripe", "test"]
    assert [type(method) for method in without.values()] == [Unverified, Unverified, TestMethod]
    assert [method.name for method in without.values()] == ["lightning", "stripe", "test"]
    made = build(
        replace(
            OPTIONS,
            methods=("stripe", "lightning"),
            stripe=StripeOptions("sk", "n", ("card",), "https://stripe.example"),
            lightning=LightningOptions("https://node.example", "ab", 300.0),
        )
    )
    assert [type(method) for method in made.values()] == [Stripe, Lightning]
    for method in made.values():
        await method.aclose()


async def test_a_network_is_told_even_without_the_key() -> None:
    stripe = StripeOptions("", "n", ("card",), "https://stripe.example")
    method = build(replace(OPTIONS, methods=("stripe",), stripe=stripe))["stripe"]
    assert await method.details(OPTIONS.offer) == {"networkId": "n", "paymentMethodTypes": ["card"]}
