"""Try a channel: one message, sent at once, noted in the log and in the audit."""

from __future__ import annotations

import asyncio

from django.db import transaction
from django.utils import timezone

from gateway.alerts import messages, sending, services
from gateway.alerts.messages import Outcome
from gateway.kernel import audit
from gateway.kernel.principal import Principal


def try_channel(name: str, *, principal: Principal) -> Outcome:
    """Send a test to a channel. Raises `AlertNotFound`. Blocks; for threads without an event loop."""
    channel = services.get_channel(name)
    message = messages.of_test(channel, timezone.now())
    outcome = asyncio.run(sending.send(channel, message))
    messages.note(message, outcome, timezone.now())
    message.ended_at = message.ended_at or timezone.now()
    with transaction.atomic():
        message.save(force_insert=True)
        after = {"ok": outcome.is_ok, "status": outcome.status}
        audit.record(principal, "channel.test", f"channel:{name}", None, after)
    return outcome


def as_json(outcome: Outcome) -> dict[str, object]:
    """Return how a test ended, as answers and pages tell it."""
    return {"ok": outcome.is_ok, "status": outcome.status, "message": outcome.error or "ok"}
