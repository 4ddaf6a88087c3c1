from __future__ import annotations

import json
from decimal import Decimal

import pytest

from gateway.models import ExchangeRow
from gateway.usage import lost, services
from tests.gateway.usage.making import NOON, exchange
from tokens.limits.ledger import Amount


@pytest.mark.django_db
def test_the_row_of_a_call_whose_process_died() -> None:
    alive = exchange(group_ledger="group:1", person="ann@example.org", group="red")
    note = json.loads(json.dumps(lost.note_of(alive, Amount(5, 0, Decimal("0.5")), "USD")))
    assert note["seen"] == [5, 0, "0.5"]
    row = lost.exchange_of(note, Amount(7, 3, Decimal("0.25")), NOON + 61)
    services.write([row])
    services.write([alive])  # its own row, too late
    [stored] = ExchangeRow.objects.all()
    assert (str(stored.id), stored.token_id, stored.group_ledger) == (alive.id, "t-1", "group:1")
    assert (stored.person, stored.group) == ("ann@example.org", "red")
    assert (stored.status, stored.failure_kind, stored.is_estimated) == (500, "internal", True)
    assert (stored.input_tokens, stored.output_tokens, stored.cost) == (7, 3, Decimal("0.25"))
    assert stored.total_seconds == 61


def test_without_a_price_the_cost_is_unknown() -> None:
    note = lost.note_of(exchange(), Amount(), "")
    assert lost.exchange_of(note, Amount(1), NOON).cost is None
