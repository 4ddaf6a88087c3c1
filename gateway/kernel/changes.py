"""Listeners of this process for changes of rows: plain callbacks, called after the commit."""

from __future__ import annotations

import logging
from collections.abc import Callable

logger = logging.getLogger(__name__)


class Listeners:
    """Callbacks for changes of one app's rows. `of` is the word for the rows in the log: provider."""

    def __init__(self, of: str) -> None:
        self._of = of
        self._callbacks: list[Callable[[], None]] = []

    def add(self, callback: Callable[[], None]) -> None:
        """Register a callback, usually a copy's `apply_changes`; a second time is no second call.

        It runs in the thread that made the change, before the service returns, and should be quick.
        """
        if callback not in self._callbacks:
            self._callbacks.append(callback)

    def remove(self, callback: Callable[[], None]) -> None:
        """Take a callback off the list; it's no error if it isn't there."""
        if callback in self._callbacks:
            self._callbacks.remove(callback)

    def announce(self) -> None:
        """Tell everyone.

        A listener that fails is logged: the change is committed, and polling will bring it.
        """
        for callback in tuple(self._callbacks):
            try:
                callback()
            except Exception:
                logger.exception("A listener for %s changes failed", self._of)
