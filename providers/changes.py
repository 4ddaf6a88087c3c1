"""Who in this process wants to know that provider rows changed. Plain callbacks, called after the commit."""

from __future__ import annotations

import logging
from collections.abc import Callable

logger = logging.getLogger(__name__)

_listeners: list[Callable[[], None]] = []


def on_change(callback: Callable[[], None]) -> None:
    """Register a callback, usually `catalog.apply_changes`. It runs in the thread that made the change,
    before the service returns, and should be quick."""
    if callback not in _listeners:
        _listeners.append(callback)


def forget(callback: Callable[[], None]) -> None:
    """Take a callback off the list; it's no error if it isn't there."""
    if callback in _listeners:
        _listeners.remove(callback)


def announce() -> None:
    """Tell everyone. A listener that fails is logged: the change is committed, and polling will bring it."""
    for callback in tuple(_listeners):
        try:
            callback()
        except Exception:
            logger.exception("A listener for provider changes failed")
