"""`Accept-Payment`: order, weights, wildcards."""

from __future__ import annotations

import pytest

from gateway.payments.preferences import ordered, parse

OFFERED = ("stripe", "lightning", "test")


@pytest.mark.parametrize(
    ("value", "methods"),
    [
        (None, ["stripe", "lightning", "test"]),
        ("lightning/charge", ["lightning"]),
        ("test/charge, stripe/charge", ["stripe", "test"]),
        ("stripe/charge;q=0.5, test/charge", ["test", "stripe"]),
        ("*/*;q=0.1, lightning/*;q=0.6, test/charge;q=0.8", ["test", "lightning", "stripe"]),
        ("*/charge, stripe/charge;q=0", ["lightning", "test"]),
        ("*/session", ["stripe", "lightning", "test"]),
        ("tempo/charge", ["stripe", "lightning", "test"]),
        ("STRIPE/Charge", ["stripe"]),
        (" , stripe/charge ; q=1.000 ,", ["stripe"]),
        ("stripe", ["stripe", "lightning", "test"]),
        ("stripe/charge;q=2", ["stripe", "lightning", "test"]),
        ("stripe/charge;x=1", ["stripe", "lightning", "test"]),
        ("\xff", ["stripe", "lightning", "test"]),
        ("stripe/charge," * 65, ["stripe", "lightning", "test"]),
    ],
)
def test_methods_are_chosen_and_ordered(value: str | None, methods: list[str]) -> None:
    values = [] if value is None else [value.encode("latin-1")]
    assert ordered(OFFERED, "charge", values) == methods


def test_several_lines_are_one_list() -> None:
    assert parse([b"a/b", b"c/*;q=0.5"]) == [("a", "b", 1.0), ("c", "*", 0.5)]
