"""Deliveries as rows: made with what they deliver, claimed by one process at a time, tried for days. Synchronous."""

from __future__ import annotations

import random
import uuid
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import timedelta

from django.conf import settings
from django.db import transaction
from django.db.models import Q
from django.utils import timezone

from forgefed import changes, hosts, services
from forgefed.hosts import host_of
from forgefed.models import Activity, Delivery, DeliveryState, RemoteHost
from gateway.kernel import audit
from gateway.kernel.principal import Principal

CLAIM_SECONDS = 40.0
"""Longer than one try may take; after a crash the delivery waits so long at most."""
LONGEST_WAIT_SECONDS = 6 * 3600.0
JITTER = 0.25
BATCH = 20
ERROR_LENGTH = 300
ANSWERS = ("Accept", "Undo")
REMEMBERED = timedelta(days=30)
CLEANED_AT_ONCE = 1000


@dataclass(frozen=True, slots=True)
class Outcome:
    """The end of one try. `retry_after_seconds` is the other server's wish."""

    status: int | None
    error: str = ""
    is_over: bool = True
    is_away: bool = False  # nobody answered, or the server has a fault of its own
    retry_after_seconds: float = 0.0


def say(kind: str, obj: object, recipient: str, inbox_uri: str = "", is_listed: bool = False) -> Activity:
    """Write an activity of ours and its delivery, in the caller's transaction."""
    actor = services.service_actor()
    activity = Activity.objects.create(
        actor=actor,
        slug=f"{kind.lower()}-{uuid.uuid4()}",
        kind=kind,
        object=obj,
        to=[recipient],
        is_listed=is_listed,
    )
    now = timezone.now()
    Delivery.objects.create(
        activity=activity,
        recipient=recipient,
        inbox_uri=inbox_uri,
        host=host_of(inbox_uri or recipient),
        next_at=now,
        created_at=now,
    )
    transaction.on_commit(changes.outgoing.announce)
    return activity


def claim(limit: int = BATCH) -> Sequence[Delivery]:
    """Take deliveries that are due. Each is nobody else's until its claim runs out."""
    now = timezone.now()
    is_free = Q(claimed_until__isnull=True) | Q(claimed_until__lt=now)
    due = Delivery.objects.filter(is_free, state=DeliveryState.WAITING, next_at__lte=now)
    taken = []
    for found in due.order_by("next_at").values_list("pk", flat=True)[:limit]:
        ours = Delivery.objects.filter(is_free, pk=found, state=DeliveryState.WAITING, next_at__lte=now)
        if ours.update(claimed_until=now + timedelta(seconds=CLAIM_SECONDS)):
            taken.append(found)
    if not taken:  # nearly always, and asked every second
        return []
    return list(Delivery.objects.filter(pk__in=taken).select_related("activity__actor"))


def postponed(delivery: Delivery) -> bool:
    """Give a delivery back untried when its host is blocked, dead, or away until later; tell whether it was."""
    row = RemoteHost.objects.filter(host=delivery.host).first()
    if row is None:
        return False
    if row.is_blocked:
        _end(delivery, DeliveryState.FAILED, Outcome(None, "the server is blocked here"))
        return True
    if row.retry_at is None or row.retry_at <= timezone.now():
        return False
    if hosts.is_dead(row):
        _end(delivery, DeliveryState.FAILED, Outcome(None, "the server has been away for too long"))
        return True
    delivery.next_at, delivery.claimed_until = row.retry_at, None
    delivery.last_error = "the server is away"
    delivery.save(update_fields=["next_at", "claimed_until", "last_error"])
    return True


def conclude(delivery: Delivery, outcome: Outcome) -> None:
    """Write down how a try ended, and when the next one is."""
    delivery.attempts += 1
    if not outcome.is_away:
        hosts.note_there(delivery.host)
    if outcome.is_over:
        is_there = outcome.status is not None and 200 <= outcome.status < 300
        _end(delivery, DeliveryState.DELIVERED if is_there else DeliveryState.FAILED, outcome)
        return
    now = timezone.now()
    next_at = now + timedelta(seconds=max(wait_seconds(delivery.attempts), outcome.retry_after_seconds))
    if outcome.is_away:
        hosts.note_away(delivery.host, next_at)
    longest = timedelta(seconds=settings.GATEWAY.FORGEFED_GIVE_UP_SECONDS)
    if now - delivery.created_at >= longest:
        _end(delivery, DeliveryState.FAILED, outcome)
        return
    delivery.next_at = min(next_at, delivery.created_at + longest)
    _save(delivery, outcome)


def wait_seconds(attempts: int) -> float:
    """Return how long to wait after so many tries: doubled each time, with a part of chance."""
    first = settings.GATEWAY.FORGEFED_RETRY_SECONDS
    wait = min(first * 2.0 ** min(attempts - 1, 40), LONGEST_WAIT_SECONDS)
    return float(wait * (1 + random.uniform(0, JITTER)))  # noqa: S311 - spreads retries, hides nothing


def retry_now(delivery: Delivery, principal: Principal) -> None:
    """Have a delivery tried at once, also one that was given up."""
    now, before = timezone.now(), {"state": delivery.state, "next_at": delivery.next_at}
    if delivery.state == DeliveryState.FAILED:
        delivery.created_at = now
    with transaction.atomic():
        RemoteHost.objects.filter(host=delivery.host).update(retry_at=None)
        delivery.state, delivery.next_at, delivery.ended_at = DeliveryState.WAITING, now, None
        delivery.save(update_fields=["state", "next_at", "ended_at", "created_at"])
        after = {"state": delivery.state, "next_at": now}
        audit.record(principal, "federation.retry", str(delivery.pk), before, after)
        transaction.on_commit(changes.outgoing.announce)


def forget_old() -> None:
    """Delete answers of ours that went out, or were given up, long ago: nobody asks for them any more."""
    said = Activity.objects.filter(kind__in=ANSWERS, said_at__lt=timezone.now() - REMEMBERED)
    over = said.exclude(deliveries__state=DeliveryState.WAITING)
    Activity.objects.filter(pk__in=list(over.values_list("pk", flat=True)[:CLEANED_AT_ONCE])).delete()


def _end(delivery: Delivery, state: str, outcome: Outcome) -> None:
    delivery.state, delivery.ended_at = state, timezone.now()
    _save(delivery, outcome)


def _save(delivery: Delivery, outcome: Outcome) -> None:
    delivery.claimed_until = None
    delivery.last_status, delivery.last_error = outcome.status, outcome.error[:ERROR_LENGTH]
    delivery.save()
