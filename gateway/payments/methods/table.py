"""The ways to pay by name, and how each is built."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from gateway.payments.methods.base import Method
from gateway.payments.methods.lightning import Lightning, LightningOptions
from gateway.payments.methods.rehearsal import TestMethod
from gateway.payments.methods.stripe import Stripe, details_of
from gateway.payments.methods.unverified import NONE, Unverified
from gateway.payments.options import PaymentOptions


def _stripe(options: PaymentOptions) -> Method:
    stripe = options.stripe
    if not stripe.secret_key:
        return Unverified("stripe", details_of(stripe.network_id, stripe.payment_method_types))
    return Stripe(stripe)


def _lightning(options: PaymentOptions) -> Method:
    node: LightningOptions = options.lightning
    return Lightning(node) if node.macaroon else Unverified("lightning")


BUILDERS: Mapping[str, Callable[[PaymentOptions], Method]] = {
    NONE: lambda _: Unverified(),
    "test": lambda _: TestMethod(),
    "stripe": _stripe,
    "lightning": _lightning,
}


def build(options: PaymentOptions) -> dict[str, Method]:
    """Return the configured methods by name, in order of preference."""
    return {name: BUILDERS[name](options) for name in options.methods or (NONE,)}
