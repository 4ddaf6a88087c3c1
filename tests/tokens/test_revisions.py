"""Counter of changes: made when missing, never lost by a refused change, told after the commit."""

from __future__ import annotations

import pytest

from tokens.models import TokensRevision
from tokens.revisions import counted, reload_from

pytestmark = pytest.mark.django_db(transaction=True)


def test_it_counts_from_nothing() -> None:
    assert not TokensRevision.objects.exists()
    with counted() as first:
        pass
    with counted() as second:
        pass
    assert (first, second) == (1, 2)
    assert TokensRevision.objects.get().value == 2


def test_a_change_that_fails_is_not_counted() -> None:
    with pytest.raises(RuntimeError), counted():
        raise RuntimeError
    assert not TokensRevision.objects.exists()


def test_reload_from() -> None:
    with counted() as revision:
        reload_from(revision)
    assert TokensRevision.objects.get().reload_from == revision
