from __future__ import annotations

from collections.abc import Iterator
from decimal import Decimal

import pytest

from gateway.kernel.parts import PARTS
from tests.principals import SOMEBODY
from tokens import services
from tokens.groups import services as group_services
from tokens.limits import usage
from tokens.limits.ledger import State
from tokens.records import Limits


@pytest.fixture
def known() -> Iterator[None]:
    def reader(sets: tuple[Limits, ...]) -> tuple[State, ...]:
        return tuple(
            State(limits, 7, 1, 2, 3, 4, Decimal("0.5"), Decimal("0.1"), 60.5, 86400.0) for limits in sets
        )

    before = PARTS.get(usage.READER)
    PARTS.put(usage.READER, reader)
    yield
    PARTS.drop(usage.READER)
    if before is not None:
        PARTS.put(usage.READER, before)


@pytest.mark.django_db
def test_every_limit_with_what_is_used_and_when_it_resets(known: None) -> None:
    group_services.create("company", principal=SOMEBODY)
    group_services.create("team", parent="company", max_parallel_requests=2, principal=SOMEBODY)
    issued = services.issue(
        group="team",
        requests_per_minute=1,
        input_tokens_per_minute=5,
        budget="1.00",
        budget_soft_percent=50,
        principal=SOMEBODY,
    )
    shown = usage.of_token(services.get(issued.token.id))
    assert shown.pop("groups") == [
        {"name": "team", **usage.shape(State(Limits("", max_parallel_requests=2), 7, parallel=4))},
        {"name": "company", **usage.shape(State(Limits(""), 7))},
    ]
    assert shown == {
        "requests": 7,
        "requests_per_minute": {"used": 1, "resets_at": 61},
        "input_tokens_per_minute": {"used": 2, "resets_at": 61},
        "output_tokens_per_minute": None,
        "max_parallel_requests": None,
        "budget": {
            "spent": "0.5",
            "reserved": "0.1",
            "remaining": "0.4",
            "resets_at": 86400,
            "is_warning": True,
        },
    }
