"""The counter: first in the transaction, told after the commit, gone with a rollback."""

from __future__ import annotations

import pytest

from providers import changes, revisions
from providers.models import ProvidersRevision

pytestmark = pytest.mark.django_db(transaction=True)


def test_each_change_counts_and_a_rollback_does_not() -> None:
    told: list[int] = []

    def listener() -> None:
        told.append(revisions.current())

    changes.on_change(listener)
    try:
        before = revisions.current()
        with revisions.change():
            assert ProvidersRevision.objects.get().value == before + 1
            assert told == []
        with pytest.raises(ValueError), revisions.change():
            raise ValueError
        with revisions.change():
            pass
    finally:
        changes.forget(listener)
    assert told == [before + 1, before + 2]


def test_there_is_one_row_whoever_comes_first() -> None:
    assert revisions.current() == 0
    for _ in range(3):
        with revisions.change():
            pass
    assert (ProvidersRevision.objects.count(), revisions.current()) == (1, 3)
