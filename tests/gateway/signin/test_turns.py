"""Turns: so many at a time, and nobody holds one while it waits for somebody else."""

from __future__ import annotations

import threading

import pytest
from django.db import connection
from django.db.backends.base.base import BaseDatabaseWrapper

from gateway.signin.turns import Busy, Turns

pytestmark = pytest.mark.django_db  # giving a turn back looks at this thread's connections


def test_so_many_at_a_time() -> None:
    turns = Turns(2, 0.01)
    with turns.taken(), turns.taken(), pytest.raises(Busy), turns.taken():
        pass
    with turns.taken(), turns.taken():
        pass


def test_who_lends_its_turn_gets_another() -> None:
    turns = Turns(1, 20)
    inside, done = threading.Event(), threading.Event()

    def other() -> None:
        with turns.taken():
            inside.set()
            assert done.wait(20)

    with turns.taken():
        with turns.lent():
            thread = threading.Thread(target=other)
            thread.start()
            assert inside.wait(20)
            done.set()
        thread.join(20)
        turns.pause(0)
        with pytest.raises(Busy), Turns(0, 0).taken():
            pass


@pytest.mark.django_db(transaction=True)
def test_a_turn_comes_back_though_a_connection_can_not_be_given_back(monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(_: object) -> None:
        raise RuntimeError

    turns = Turns(1, 0.01)
    monkeypatch.setattr(BaseDatabaseWrapper, "close_if_unusable_or_obsolete", fail)
    assert connection.vendor  # this thread has one
    with pytest.raises(RuntimeError), turns.taken():
        pass
    monkeypatch.undo()
    with turns.taken():
        pass


def test_a_turn_comes_back_whatever_happens() -> None:
    turns = Turns(1, 0.01)
    with pytest.raises(KeyError), turns.taken(), turns.lent():
        raise KeyError
    with turns.taken():
        pass
