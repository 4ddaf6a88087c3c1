"""Other servers: how each wants to be signed to, whether it is there, whether we talk to it. Synchronous."""

from __future__ import annotations

from datetime import datetime, timedelta

from django.conf import settings
from django.db import transaction
from django.utils import timezone

from forgefed.errors import BadAddress
from forgefed.models import RemoteHost
from gateway.kernel import audit
from gateway.kernel.egress import EgressRefused, host_header
from gateway.kernel.principal import Principal


def host_of(uri: str) -> str:
    """Return the host of an address, with the port where it is not the scheme's own. Raises `BadAddress`."""
    try:
        return host_header(uri)
    except EgressRefused as exc:
        raise BadAddress(f"not an address that can be called: {uri[:200]}") from exc


def is_blocked(host: str) -> bool:
    return RemoteHost.objects.filter(host=host, is_blocked=True).exists()


def block(host: str, is_blocked: bool, principal: Principal) -> None:
    """Stop talking to a host, or begin again."""
    with transaction.atomic():
        row, _ = RemoteHost.objects.get_or_create(host=host)
        before, after = {"is_blocked": row.is_blocked}, {"is_blocked": is_blocked}
        RemoteHost.objects.filter(pk=row.pk).update(is_blocked=is_blocked)
        audit.record(principal, "federation.block", host, before, after)


def scheme_of(host: str) -> str:
    """Return the signature scheme that a host is known to want; empty when none is known."""
    return RemoteHost.objects.filter(host=host).values_list("scheme", flat=True).first() or ""


def remember_scheme(host: str, scheme: str) -> None:
    RemoteHost.objects.update_or_create(host=host, defaults={"scheme": scheme})


def note_there(host: str) -> None:
    """Note that a host answers."""
    RemoteHost.objects.filter(host=host, failing_since__isnull=False).update(
        failing_since=None, retry_at=None
    )


def note_away(host: str, retry_at: datetime) -> None:
    """Note that a host does not answer, and when it is tried again."""
    row, _ = RemoteHost.objects.get_or_create(host=host)
    row.failing_since = row.failing_since or timezone.now()
    row.retry_at = retry_at
    row.save(update_fields=["failing_since", "retry_at"])


def is_dead(row: RemoteHost) -> bool:
    """Tell whether a host has not answered for so long that nothing new is tried there."""
    longest = timedelta(seconds=settings.GATEWAY.FORGEFED_GIVE_UP_SECONDS)
    return row.failing_since is not None and timezone.now() - row.failing_since > longest
