"""Start and end rehearsals. The workers are told after the commit, in this process at once."""

from __future__ import annotations

import secrets
from collections.abc import Mapping
from datetime import timedelta
from typing import Any

from django.db import transaction
from django.db.models import F
from django.utils import timezone

from accounts import services as accounts
from accounts.models import Cooldown
from gateway.kernel import audit
from gateway.kernel.changes import Listeners
from gateway.kernel.moments import rfc3339
from gateway.kernel.principal import GATEWAY, Principal
from gateway.rehearsals.errors import BadRehearsal, RehearsalNotFound
from gateway.rehearsals.models import Fault, Rehearsal
from providers.catalog.live import catalog_to_show
from providers.errors import UnknownProvider

FIELDS = ("account", "provider", "fault", "calls", "seconds")
MOST_CALLS, MOST_SECONDS, USUAL_SECONDS = 1_000, 600, 60

changes = Listeners("rehearsals")


def start(given: Mapping[str, object], *, principal: Principal) -> Rehearsal:
    """Rehearse a fault from now on, in place of another of the same target.

    Raises `BadRehearsal`, `UnknownAccount`, `UnknownProvider`.
    """
    unknown = next((name for name in given if name not in FIELDS), None)
    if unknown is not None:
        raise BadRehearsal(unknown[:64], f"unknown field; known are {', '.join(FIELDS)}")
    target = _target(given)
    fault = given.get("fault")
    if not isinstance(fault, str) or fault not in Fault.values:
        raise BadRehearsal("fault", f"must be one of {', '.join(Fault.values)}")
    calls = _number("calls", given.get("calls"), MOST_CALLS)
    seconds = _number("seconds", given.get("seconds"), MOST_SECONDS) or USUAL_SECONDS
    now = timezone.now()
    end_over(principal=GATEWAY)
    with transaction.atomic():
        for row in Rehearsal.objects.filter(ended_at__isnull=True, **target):
            _end(row, principal)
        made = Rehearsal.objects.create(
            id=f"reh_{secrets.token_hex(12)}",
            fault=fault,
            calls=calls,
            left=calls,
            started_at=now,
            ends_at=now + timedelta(seconds=seconds),
            **target,
        )
        audit.record(principal, "rehearsal.start", f"rehearsal:{made.pk}", None, as_json(made))
        transaction.on_commit(changes.announce)
    return made


def end(rehearsal_id: str, *, principal: Principal) -> None:
    """End a rehearsal that runs. Raises `RehearsalNotFound`."""
    with transaction.atomic():
        row = Rehearsal.objects.filter(pk=rehearsal_id, ended_at__isnull=True).first()
        if row is None or not _end(row, principal):
            raise RehearsalNotFound("There is no such rehearsal, or it has ended")
        transaction.on_commit(changes.announce)


def end_all(*, principal: Principal) -> None:
    """End whatever runs, and drop the cooldowns that it left: a process has started anew."""
    for row in Rehearsal.objects.filter(ended_at__isnull=True):
        with transaction.atomic():
            if _end(row, principal):
                mine = {"account__name": row.account} if row.account else {"account__provider": row.provider}
                Cooldown.objects.filter(started_at__gte=row.started_at.timestamp(), **mine).delete()


def end_over(*, principal: Principal) -> None:
    """Say of rehearsals whose time is over that they have ended, where no worker was there to do so."""
    for row in Rehearsal.objects.filter(ended_at__isnull=True, ends_at__lte=timezone.now()):
        with transaction.atomic():
            _end(row, principal)


def running() -> list[Rehearsal]:
    """Return what runs, newest first. What is over by time is not among it."""
    rows = Rehearsal.objects.filter(ended_at__isnull=True, ends_at__gt=timezone.now())
    return list(rows.order_by("-started_at"))


def take(rehearsal_id: str) -> int | None:
    """Count one client call; return how many are left, None where none was."""
    rows = Rehearsal.objects.filter(pk=rehearsal_id, ended_at__isnull=True)
    if not rows.filter(left__gt=0).update(left=F("left") - 1):
        return None
    return rows.values_list("left", flat=True).first() or 0


def as_json(row: Rehearsal) -> dict[str, Any]:
    """Return a rehearsal as answers and the audit show it."""
    return {
        "id": row.pk,
        "account": row.account or None,
        "provider": row.provider or None,
        "fault": row.fault,
        "calls": row.calls,
        "left": row.left,
        "started_at": rfc3339(row.started_at),
        "ends_at": rfc3339(row.ends_at),
    }


def _end(row: Rehearsal, principal: Principal) -> bool:
    now = timezone.now()
    if not Rehearsal.objects.filter(pk=row.pk, ended_at__isnull=True).update(ended_at=now):
        return False
    audit.record(principal, "rehearsal.end", f"rehearsal:{row.pk}", {"left": row.left}, None)
    return True


def _target(given: Mapping[str, object]) -> dict[str, str]:
    named = {name: given[name] for name in ("account", "provider") if given.get(name) not in (None, "")}
    if len(named) != 1:
        raise BadRehearsal("provider" if named else "account", "give an account or a provider, one of them")
    [(kind, name)] = named.items()
    if not isinstance(name, str):
        raise BadRehearsal(kind, "must be a name")
    if kind == "account":
        accounts.get(name)
    elif name not in catalog_to_show().view.providers:
        raise UnknownProvider(name)
    return {"account": "", "provider": "", kind: name}


def _number(field: str, value: object, most: int) -> int | None:
    if value is None:
        return None
    if isinstance(value, bool) or not isinstance(value, int) or not 1 <= value <= most:
        raise BadRehearsal(field, f"must be a whole number from 1 to {most}")
    return value
