"""Let so many sign-ins at a time ask the database: the others wait, and do not fail for want of a connection.

A request holds its connection to its end, and a process has few. Whoever asks an issuer meanwhile gives its turn,
and its connection, to the next.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from functools import wraps

from django.db import DatabaseError, connections
from django.http import HttpRequest, HttpResponseBase

from gateway.config.databases import POOL_SIZE

WAIT_SECONDS = 60.0

View = Callable[[HttpRequest], HttpResponseBase]


class Busy(Exception):
    """No turn came in time."""


class Turns:
    """Turns of one process, for its threads."""

    def __init__(self, most: int, wait_seconds: float) -> None:
        self._room = threading.BoundedSemaphore(most)
        self._wait_seconds = wait_seconds

    @contextmanager
    def taken(self) -> Iterator[None]:
        """Wait for a turn and hold it. Raises `Busy`."""
        if not self._room.acquire(timeout=self._wait_seconds):
            raise Busy
        try:
            yield
        finally:
            try:
                _give_back()
            finally:  # a turn that was lost would be lost for good
                self._room.release()

    @contextmanager
    def lent(self) -> Iterator[None]:
        """Give the turn away, and take another one afterwards, however long that lasts."""
        _give_back()
        self._room.release()
        try:
            yield
        finally:
            self._room.acquire()

    def pause(self, seconds: float) -> None:
        """Wait without a turn."""
        with self.lent():
            time.sleep(seconds)


TURNS = Turns(max(1, POOL_SIZE - 1), WAIT_SECONDS)
"""Of this process; one connection is left to everybody else."""


def _give_back() -> None:
    """Give this thread's connections back to the pool now, not when the request has ended."""
    for connection in connections.all(initialized_only=True):
        if not connection.in_atomic_block:
            with suppress(DatabaseError):  # it is gone already
                connection.close_if_unusable_or_obsolete()


def in_turn(view: View) -> View:
    """Wrap a view so that it is called in its turn."""

    @wraps(view)
    def waiting(request: HttpRequest) -> HttpResponseBase:
        with TURNS.taken():
            return view(request)

    return waiting
