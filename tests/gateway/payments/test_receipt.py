"""Receipts."""

from __future__ import annotations

from gateway.payments import encoding
from gateway.payments.receipt import header_value


def test_a_receipt() -> None:
    value = header_value("lightning", "ab", "2026-01-01T00:05:00Z", {"challengeId": "c"})
    assert encoding.decode_object(value.decode()) == {
        "status": "success",
        "method": "lightning",
        "timestamp": "2026-01-01T00:05:00Z",
        "reference": "ab",
        "challengeId": "c",
    }
