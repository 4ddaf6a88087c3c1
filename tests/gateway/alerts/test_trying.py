"""A test of a channel."""

from __future__ import annotations

from typing import Any

import pytest

from gateway.alerts import trying
from gateway.alerts.models import AlertMessage
from gateway.models import AuditRow
from tests.gateway.alerts.making import HERE, P, Receiver, channel

pytestmark = pytest.mark.django_db


def test_it_is_sent_once_logged_and_recorded(options: Any) -> None:
    options(EGRESS_ALLOWED_NETWORKS=HERE)
    with Receiver(500) as receiver:
        channel(target=receiver.url)
        told = [trying.as_json(trying.try_channel("ops", **P)) for _ in range(2)]
    assert told == [
        {"ok": False, "status": 500, "message": "answered 500"}, {"ok": True, "status": 200, "message": "ok"},
    ]  # fmt: skip
    rows = AlertMessage.objects.order_by("id")
    assert [(row.state, row.tries, row.delivered_at is None) for row in rows] == [
        ("test", 1, True),
        ("test", 1, False),
    ]
    assert all(row.ended_at is not None for row in rows), "nobody tries a test again"
    entry = AuditRow.objects.filter(action="channel.test").order_by("id")[0]
    assert (entry.subject, entry.after) == ("channel:ops", {"ok": False, "status": 500})
