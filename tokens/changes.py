"""Who in this process wants to know that token rows changed. Plain callbacks, called after the commit."""

from __future__ import annotations

import logging
from collections.abc import Callable

logger = logging.getLogger(__name__)

_listeners: list[Callable[[], None]] = []
_on_issued: list[Callable[[], None]] = []
_on_revoked: list[Callable[[], None]] = []


def on_change(callback: Callable[[], None]) -> None:
    """Register a callback, usually `registry.apply_changes`. It runs in the thread that made the change,
    before the service returns, and should be quick."""
    if callback not in _listeners:
        _listeners.append(callback)


def forget(callback: Callable[[], None]) -> None:
    """Take a callback off the list; it's no error if it isn't there."""
    if callback in _listeners:
        _listeners.remove(callback)


def on_issued(callback: Callable[[], None]) -> None:
    """Register a callback for every token issued in this process; for who counts them."""
    if callback not in _on_issued:
        _on_issued.append(callback)


def on_revoked(callback: Callable[[], None]) -> None:
    """The same for revocations, each that succeeds, repeated ones too."""
    if callback not in _on_revoked:
        _on_revoked.append(callback)


def announce() -> None:
    """Tell everyone. A listener that fails is logged: the change is committed, and polling will bring it."""
    _tell(_listeners)


def announce_issued() -> None:
    _tell(_on_issued)


def announce_revoked() -> None:
    _tell(_on_revoked)


def _tell(listeners: list[Callable[[], None]]) -> None:
    for callback in tuple(listeners):
        try:
            callback()
        except Exception:
            logger.exception("A listener for token changes failed")
