"""Receipts: what a caller gets in the head of an answer that was paid for. Pure."""

from __future__ import annotations

from collections.abc import Mapping

from gateway.payments import encoding

HEADER = b"payment-receipt"


def header_value(method: str, reference: str, timestamp: str, extras: Mapping[str, str]) -> bytes:
    """Return the value of `Payment-Receipt`. `timestamp` is RFC 3339; `extras` are the method's own members."""
    told = {
        "status": "success",
        "method": method,
        "timestamp": timestamp,
        "reference": reference,
        **extras,
    }
    return encoding.encode_object(told).encode()
