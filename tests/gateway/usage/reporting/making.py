"""Usage of a few calls on two days: two people, tokens, groups, models and currencies."""

from __future__ import annotations

from decimal import Decimal

from uuid_utils import uuid7

from gateway.usage import services
from providers.dialects.types import FailureKind, Usage
from tests.gateway.usage.making import exchange
from tokens.models import Token

FIRST = 1_790_000_000.0  # 2026-09-21
SECOND = FIRST + 86_400
ANN = {"person": "ann@example.org", "group": "red", "token_id": "t-ann", "token_label": "laptop"}
BOB = {"person": "bob@example.org", "group": "blue", "token_id": "t-bob", "token_label": "=cmd()"}
NOTHING = {
    "usage": Usage(),
    "cost": None,
    "currency": "",
    "model_served": "",
    "is_refusal": True,
    "attempts": 0,
}


def few_calls() -> None:
    """Write five calls: Ann's three (one left, one in EUR), Bob's two (one refused by us)."""
    for token in (ANN, BOB):
        label, name = token["token_label"], token["token_id"]
        Token.objects.create(id=name, label=label, issued_at=1, expires_at=2, signed_until=2, ledger_id=name)
    rows = (
        {**ANN, "cost": Decimal("0.1234567891")},
        {**ANN, "cost": Decimal("1.5"), "started_at": SECOND, "status": 499},
        {**ANN, "cost": Decimal("2"), "currency": "EUR", "account": "second", "model_served": "claude-y"},
        {**BOB, "cost": None, "currency": "", "started_at": SECOND, "failure_kind": FailureKind.UPSTREAM},
        {**BOB, **NOTHING, "started_at": SECOND, "status": 429},
    )
    services.write([exchange(**{"id": str(uuid7()), "started_at": FIRST, **row}) for row in rows])
