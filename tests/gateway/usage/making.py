"""Exchanges to write, with something in every field."""

from __future__ import annotations

from decimal import Decimal

from uuid_utils import uuid7

from gateway.exchange.exchange import Exchange
from providers.dialects.types import Usage

NOON = 1_790_000_000.0  # 2026-09-21 13:33:20 UTC


def exchange(**values: object) -> Exchange:
    defaults: dict[str, object] = {
        "id": str(uuid7()),
        "started_at": NOON,
        "surface": "messages",
        "method": "POST",
        "path": "/v1/messages",
        "peer": "192.0.2.7",
        "token_id": "t-1",
        "token_label": "laptop",
        "ledger_id": "l-1",
        "provider": "anthropic",
        "account": "primary",
        "model_asked": "claude-x",
        "model_served": "claude-x-1",
        "status": 200,
        "is_stream": True,
        "attempts": 1,
        "upstream_status": 200,
        "first_byte_seconds": 0.25,
        "total_seconds": 2.5,
        "overhead_seconds": 0.001,
        "bytes_in": 100,
        "bytes_out": 30,
        "usage": Usage(1, 2, 3, 4, 5),
        "cost": Decimal("0.0000000003"),
        "currency": "USD",
    }
    return Exchange(**(defaults | values))  # type: ignore[arg-type]
