"""The counter that every change of a provider, route or model-map row goes through."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from django.db import transaction
from django.db.models import F

from providers import changes
from providers.models import ONLY_ROW, ProvidersRevision


@contextmanager
def change() -> Iterator[None]:
    """Open one counted transaction.

    The counter is incremented first, so that writers queue and revisions commit in order; this process's
    listeners are told after the commit.
    """
    with transaction.atomic():
        counter = ProvidersRevision.objects.filter(pk=ONLY_ROW)
        if not counter.update(value=F("value") + 1):
            ProvidersRevision.objects.bulk_create([ProvidersRevision(pk=ONLY_ROW)], ignore_conflicts=True)
            counter.update(value=F("value") + 1)
        transaction.on_commit(changes.announce)
        yield


def current() -> int:
    """Return the newest committed revision; 0 before the first change."""
    return ProvidersRevision.objects.filter(pk=ONLY_ROW).values_list("value", flat=True).first() or 0
