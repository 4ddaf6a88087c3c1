"""Make what the pages beside calls list, for `bench.console_rows`: records, alerts, sign-ins, federation."""

import time
import uuid
from datetime import UTC, datetime, timedelta

from django.contrib.auth.models import User

from forgefed.models import Activity, Actor, Delivery, Follower, Received
from gateway.alerts.models import AlertEntry, AlertMessage
from gateway.audit.models import AuditRow
from gateway.batches.models import BatchRow
from gateway.kernel.moments import id_floor
from gateway.models import Payment, StoredObjectRow
from tokens.signin.models import SignIn

LONG = "laptop and build server of the team that looks after the long names of things "
TOGETHER = 5_000
"""Rows of one statement."""


def put(model, make, count):
    """Insert so many rows."""
    for start in range(0, count, TOGETHER):
        model.objects.bulk_create([make(n) for n in range(start, min(count, start + TOGETHER))])


def at(n):
    """Return the moment of a row: a second before the one before it."""
    return datetime.now(UTC) - timedelta(seconds=n)


def ordered(n):
    """Return an id that stands where its moment does."""
    return uuid.UUID(int=id_floor(at(n).timestamp()).int + n)


def records(many):
    """Make audit rows, payments, stored objects and batches."""
    put(AuditRow, lambda n: AuditRow(
        id=ordered(n), at=at(n), who_kind="person", via="console", who_name=f"person-{n % 200:05}@example.org",
        action="token.change", subject=f"token:{n % 999}", before={"label": "a"},
        after={"label": LONG}), many)  # fmt: skip
    put(Payment, lambda n: Payment(
        id=ordered(n), challenge_id=f"c-{n}", method="tempo", intent="charge", amount="1000", currency="USD",
        recipient="0x0", status="settled", token_id=f"t-{n % 99}", fingerprint=f"{n:064}", created_at=at(n),
        expires_at=at(n), held_until=at(n), settled_at=at(n)), many)  # fmt: skip
    put(StoredObjectRow, lambda n: StoredObjectRow(
        id=f"file_{n:012}", kind="file", provider="anthropic", account="anthropic-1", token_id=f"t-{n % 99}",
        owner=f"t-{n % 99}", made_at=at(n), document="{}"), many)  # fmt: skip
    put(BatchRow, lambda n: BatchRow(
        id=f"batch_{n:012}", made_at=at(n), provider="anthropic", look_at=at(n), settled_at=at(n)), many)  # fmt: skip


def told(many):
    """Make alerts, sign-ins and what federation has sent and got."""
    entry = AlertEntry.objects.create(
        rule_id=1, subject="", once="x", event="disk", details={}, is_outage=False, at=at(0)
    )
    put(AlertMessage, lambda n: AlertMessage(
        id=f"msg_{n:012}", entry=entry, channel=f"c-{n}", event="disk", subject="", state="firing", at=at(n),
        content={}, next_at=at(n), ended_at=at(n), delivered_at=at(n)), many)  # fmt: skip
    user = User.objects.order_by("pk").last()
    put(SignIn, lambda n: SignIn(
        user=user, surface="claude-code", client=LONG, started_at=int(time.time()) - n,
        ends_at=int(time.time()) + 86_400, refresh_sha256=f"{n:064}"), min(many, 5_000))  # fmt: skip
    actor = Actor.objects.first() or Actor.objects.create(name="router", display_name="router")
    activity = Activity.objects.create(actor=actor, slug="bench", kind="Create", object={})
    put(Delivery, lambda n: Delivery(
        activity=activity, recipient=f"https://a{n}.example/", host=f"a{n}.example", state="delivered",
        next_at=at(n), created_at=at(n), ended_at=at(n)), many)  # fmt: skip
    put(Follower, lambda n: Follower(actor=actor, uri=f"https://a{n}.example/u"), many)
    put(Received, lambda n: Received(
        activity_id=f"https://a{n}.example/1", actor_uri=f"https://a{n}.example/u", kind="Follow",
        body={}), many)  # fmt: skip
