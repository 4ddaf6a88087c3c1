"""What a start makes is out of the collector's sight, and it looks at what comes after."""

from __future__ import annotations

import gc

import pytest

from gateway.servers.collector import uncollected


def test_what_is_made_is_not_looked_at_again() -> None:
    before = gc.get_freeze_count()
    try:
        with uncollected():
            assert not gc.isenabled()
            made = [[] for _ in range(1000)]
        assert gc.isenabled()
        assert gc.get_freeze_count() >= before + len(made)
    finally:
        gc.unfreeze()


def test_it_looks_again_after_a_mistake() -> None:
    try:
        with pytest.raises(KeyError), uncollected():
            raise KeyError
        assert gc.isenabled()
    finally:
        gc.unfreeze()
