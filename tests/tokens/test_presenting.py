"""Rows as JSON: the reference's keys first, no secret, and as the schemas promise."""

from __future__ import annotations

import json
from decimal import Decimal

import pytest

from tests.principals import SOMEBODY
from tokens import fields, presenting, services
from tokens.models import Token
from tokens.schemas import IssuedOut, RotatedOut, TokenOut

pytestmark = pytest.mark.django_db


def test_the_references_record_in_its_order() -> None:
    token = Token(id="a", label="x", issued_at=1, expires_at=2, signed_until=2)
    assert json.dumps(presenting.reference_record(token)) == (
        '{"id": "a", "label": "x", "issued_at": 1, "expires_at": 2, "revoked": false, "account": null}'
    )


def test_answers_are_what_the_schemas_promise() -> None:
    issued = services.issue(label="x", principal=SOMEBODY)
    TokenOut.model_validate(presenting.record(issued.token, 0))
    IssuedOut.model_validate(presenting.issued(issued, 0))
    RotatedOut.model_validate(presenting.rotated(services.rotate(issued.token.id, principal=SOMEBODY), 0))


def test_enabled_limits_are_shown_money_as_text(monkeypatch: pytest.MonkeyPatch) -> None:
    token = Token(id="a", issued_at=1, expires_at=2, budget=Decimal("12.5000000000"), budget_currency="USD")
    monkeypatch.setattr(
        fields, "ENABLED_LIMITS", ("budget", "budget_currency", "budget_period", "max_requests")
    )
    assert presenting.limits(token) == {
        "budget": "12.5",
        "budget_currency": "USD",
        "budget_period": None,
        "max_requests": None,
    }
