"""The log, in portions."""

from __future__ import annotations

import pytest
from django.utils import timezone

from gateway.alerts import logbook, messages, services
from gateway.kernel.asking import BadParameter
from tests.gateway.alerts.making import channel

pytestmark = pytest.mark.django_db


def test_newest_first_and_on_from_there() -> None:
    channel()
    row = services.get_channel("ops")
    made = [messages.of_test(row, timezone.now()) for _ in range(5)]
    messages.add([made])
    first, after = logbook.page({}, 3)
    rest, end = logbook.page({}, 3, after or "")
    assert [each["id"] for each in first + rest] == [each.id for each in reversed(made)] and end is None
    assert logbook.page({"state": "firing"}, 3) == ([], None)
    assert len(logbook.page({"channel": "ops", "event": "test"}, 10)[0]) == 5


@pytest.mark.parametrize(("filters", "after"), [({}, "5"), ({"event": "x" * 300}, ""), ({"state": "\0"}, "")])
def test_what_can_not_be_asked(filters: dict[str, str], after: str) -> None:
    with pytest.raises(BadParameter):
        logbook.page(filters, 3, after)
