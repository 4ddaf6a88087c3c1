"""Count every change of a token or group."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from django.db import transaction
from django.db.models import F

from tokens import changes
from tokens.models import TokensRevision


@contextmanager
def counted() -> Iterator[int]:
    """Open a transaction that changes rows; yield the revision to stamp them with, tell listeners after it.

    The counter is incremented first: writers queue on its row, so revisions commit in the order in which
    they are given out, and a reader that has seen n has seen everything up to n.
    """
    with transaction.atomic():
        counter = TokensRevision.objects.filter(pk=1)
        if not counter.update(value=F("value") + 1):
            TokensRevision.objects.bulk_create([TokensRevision(pk=1)], ignore_conflicts=True)
            counter.update(value=F("value") + 1)
        transaction.on_commit(changes.announce)
        yield counter.values_list("value", flat=True).get()


def reload_from(revision: int) -> None:
    """Make readers that have not seen `revision` load anew: rows are gone."""
    TokensRevision.objects.filter(pk=1).update(reload_from=revision)
